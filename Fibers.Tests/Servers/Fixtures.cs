using Xunit;

namespace Fibers.Servers;

/// <summary>One PostgreSQL for all tests that want one, started when the first asks.</summary>
public sealed class PostgresFixture : IDisposable
{
    public const string Name = "PostgreSQL";

    private readonly Lazy<PostgresServer?> _server = new(PostgresServer.TryStart);

    public PostgresServer Server
    {
        get
        {
            if (_server.Value is null)
                Assert.Skip("PostgreSQL is not installed (Debian package postgresql).");
            return _server.Value;
        }
    }

    public void Dispose()
    {
        if (_server.IsValueCreated)
            _server.Value?.Dispose();
    }
}

[CollectionDefinition(PostgresFixture.Name)]
public sealed class PostgresTests : ICollectionFixture<PostgresFixture>;

/// <summary>One Redis, likewise.</summary>
public sealed class RedisFixture : IDisposable
{
    private readonly Lazy<RedisServer?> _server = new(RedisServer.TryStart);

    public RedisServer Server
    {
        get
        {
            if (_server.Value is null)
                Assert.Skip("Redis is not installed (Debian package redis-server).");
            return _server.Value;
        }
    }

    public void Dispose()
    {
        if (_server.IsValueCreated)
            _server.Value?.Dispose();
    }
}
