using Fibers.Servers;
using Fibers.Tests.Support;
using Shouldly;
using StackExchange.Redis;
using Xunit;

namespace Fibers.Tests.Unmodified;

/// <summary>StackExchange.Redis 1.2.6: synchronous calls that wait on a monitor for the multiplexer's own threads.</summary>
public class Redis(RedisFixture redis) : IClassFixture<RedisFixture>
{
    [Fact]
    public void Hundreds_of_fibers_share_one_multiplexer()
    {
        var options = ConfigurationOptions.Parse(redis.Server.Address);
        options.SyncTimeout = 60_000;
        using ConnectionMultiplexer multiplexer = ConnectionMultiplexer.Connect(options);
        ManyFibers.Run(300, i =>
        {
            IDatabase database = multiplexer.GetDatabase();
            for (int round = 0; round < 5; round++)
            {
                database.StringSet($"key {i}", $"value {round}").ShouldBeTrue();
                ((string?)database.StringGet($"key {i}")).ShouldBe($"value {round}");
                database.StringIncrement("all");
            }

            // Blocks until the server answers, which it does for everybody in turn.
            ((long)database.ScriptEvaluate("return redis.call('strlen', KEYS[1])", [$"key {i}"])).ShouldBe(7);
        });
        ((int)multiplexer.GetDatabase().StringGet("all")).ShouldBe(1500);
    }
}
