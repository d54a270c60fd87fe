using Dapper;
using Fibers.Servers;
using Fibers.Tests.Support;
using Npgsql;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Unmodified;

/// <summary>Npgsql's blocking calls, through Dapper, over its own connection pool.</summary>
[Collection(PostgresFixture.Name)]
public class NpgsqlAndDapper(PostgresFixture postgres)
{
    private const int Connections = 100;

    [Fact]
    public void Hundreds_of_fibers_query_through_a_hundred_connections()
    {
        using NpgsqlDataSource source = NpgsqlDataSource.Create($"{postgres.Server.ConnectionString};Maximum Pool Size={Connections};Timeout=60");
        ManyFibers.Run(400, i =>
        {
            for (int round = 0; round < 3; round++)
            {
                using NpgsqlConnection connection = source.OpenConnection();
                (int number, string text) = connection.QuerySingle<(int, string)>("select @i, 'row ' || @round from pg_sleep(0.02)", new { i, round });
                number.ShouldBe(i);
                text.ShouldBe($"row {round}");
            }
        });
    }

    [Fact]
    public void A_transaction_is_rolled_back_and_an_error_is_a_PostgresException()
    {
        using NpgsqlDataSource source = NpgsqlDataSource.Create($"{postgres.Server.ConnectionString};Maximum Pool Size={Connections};Timeout=60");
        using (NpgsqlConnection connection = source.OpenConnection())
            connection.Execute("create table if not exists rolled (i int primary key)");
        ManyFibers.Run(100, i =>
        {
            using NpgsqlConnection connection = source.OpenConnection();
            using (NpgsqlTransaction transaction = connection.BeginTransaction())
                connection.Execute("insert into rolled values (@i)", new { i }, transaction).ShouldBe(1);
            Should.Throw<PostgresException>(() => connection.Execute("select 1 / 0")).SqlState.ShouldBe(PostgresErrorCodes.DivisionByZero);
            connection.QuerySingle<int>("select 7").ShouldBe(7, "the connection survived the error");
        });
        using (NpgsqlConnection connection = source.OpenConnection())
            connection.QuerySingle<long>("select count(*) from rolled").ShouldBe(0);
    }

    [Fact]
    public void Four_hundred_fibers_finish_three_sleeping_queries_each()
    {
        using NpgsqlDataSource source = NpgsqlDataSource.Create($"{postgres.Server.ConnectionString};Maximum Pool Size={Connections};Timeout=60");
        int answers = 0;
        ManyFibers.Run(400, _ =>
        {
            for (int round = 0; round < 3; round++)
            {
                using NpgsqlConnection connection = source.OpenConnection();
                connection.Execute("select pg_sleep(0.1)");
                Interlocked.Increment(ref answers);
            }
        });
        answers.ShouldBe(1200);
    }
}
