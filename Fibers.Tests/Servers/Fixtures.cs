using Fibers.Tests.Support;
using Xunit;

namespace Fibers.Servers;

/// <summary>One server for all tests that want it, started when the first asks; they are skipped where it is not installed.</summary>
public abstract class ServerFixture<T>(Func<T?> tryStart, string name, string package) : IDisposable where T : ServerProcess
{
    private readonly Lazy<T?> _server = new(tryStart);

    public T Server
    {
        get
        {
            if (_server.Value is null)
                Optional.Missing(name, package);
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
public sealed class PostgresFixture() : ServerFixture<PostgresServer>(PostgresServer.TryStart, Name, "postgresql")
{
    public const string Name = "PostgreSQL";
}

[CollectionDefinition(PostgresFixture.Name)]
public sealed class PostgresTests : ICollectionFixture<PostgresFixture>;

/// <summary>One Redis.</summary>
public sealed class RedisFixture() : ServerFixture<RedisServer>(RedisServer.TryStart, "Redis", "redis-server");
