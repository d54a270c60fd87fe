using Fibers.Servers;
using Fibers.Tests.Support;
using Microsoft.EntityFrameworkCore;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Unmodified;

/// <summary>Entity Framework Core, synchronous.</summary>
[Collection(PostgresFixture.Name)]
public class EntityFramework(PostgresFixture postgres)
{
    [Fact]
    public void Hundreds_of_fibers_save_and_query_with_contexts_of_their_own()
    {
        string connection = $"{postgres.Server.ConnectionString};Maximum Pool Size=100;Timeout=60";
        using (var context = new Shop(connection))
            context.Database.ExecuteSqlRaw("create table \"Orders\" (\"Id\" int primary key, \"What\" text not null)");
        ManyFibers.Run(200, i =>
        {
            using (var context = new Shop(connection))
            {
                context.Orders.Add(new Order { Id = i, What = $"thing {i}" });
                context.SaveChanges().ShouldBe(1);
            }

            using (var context = new Shop(connection))
            {
                Order order = context.Orders.Single(order => order.Id == i);
                order.What.ShouldBe($"thing {i}");
                order.What = "changed";
                context.SaveChanges();
                context.Orders.Count(order => order.Id == i && order.What == "changed").ShouldBe(1);
            }
        });
        using (var context = new Shop(connection))
            context.Orders.Count().ShouldBe(200);
    }

    private sealed class Order
    {
        public int Id { get; set; }

        public required string What { get; set; }
    }

    private sealed class Shop(string connection) : DbContext
    {
        public DbSet<Order> Orders => Set<Order>();

        protected override void OnConfiguring(DbContextOptionsBuilder options) => options.UseNpgsql(connection);

        protected override void OnModelCreating(ModelBuilder model) => model.Entity<Order>().Property(static order => order.Id).ValueGeneratedNever();
    }
}
