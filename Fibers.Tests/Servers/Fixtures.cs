using Xunit;

namespace Fibers.Servers;

/// <summary>One server for all tests that want it, started when the first asks; they are skipped where it is not installed.</summary>
public abstract class ServerFixture<T>(Func<T?> tryStart, string missing) : IDisposable where T : ServerProcess
{
    private readonly Lazy<T?> _server = new(tryStart);

    public T Server
    {
        get
        {
            if (_server.Value is null)
                Assert.Skip(missing);
            return _server.Value;
        }
    }

    public void Dispose()
    {
        if (_server.IsValueCreated)
            _server.Value?.Dispose();
    }
}

/// <summary>One PostgreSQL.</summary>
public sealed class PostgresFixture() : ServerFixture<PostgresServer>(PostgresServer.TryStart, "PostgreSQL is not installed (Debian package postgresql).")
{
    public const string Name = "PostgreSQL";
}

[CollectionDefinition(PostgresFixture.Name)]
public sealed class PostgresTests : ICollectionFixture<PostgresFixture>;

/// <summary>One Redis.</summary>
public sealed class RedisFixture() : ServerFixture<RedisServer>(RedisServer.TryStart, "Redis is not installed (Debian package redis-server).");
