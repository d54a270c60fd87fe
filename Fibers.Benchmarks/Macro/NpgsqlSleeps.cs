using System.Diagnostics;
using Dapper;
using Fibers.Benchmarks.Harness;
using Fibers.Servers;
using Npgsql;

namespace Fibers.Benchmarks.Macro;

/// <summary>Unmodified Npgsql and Dapper against a PostgreSQL of our own: many callers, a pool of connections, queries that sleep in the server. Seconds until all are done.</summary>
internal sealed class NpgsqlSleeps : Question
{
    private const int Callers = 400;
    private const int Connections = 100;
    private const int Queries = 3;
    private const double QuerySeconds = 0.1;

    public override string Name => "npgsql";
    public override string Asks => $"{Callers} callers, {Queries} queries of {QuerySeconds * 1000} ms each through {Connections} pooled connections (ideal: {(double)Callers * Queries * QuerySeconds / Connections:F1} s)";
    public override string Unit => "s";
    public override string? Missing => PostgresServer.IsInstalled ? null : "PostgreSQL is not installed (Debian package postgresql)";

    public override Contest Prepare(Effort effort)
    {
        int callers = effort.IsSmoke ? Connections : Callers;
        PostgresServer server = PostgresServer.TryStart()!;
        NpgsqlDataSource source = NpgsqlDataSource.Create($"{server.ConnectionString};Maximum Pool Size={Connections};Timeout=120");
        FiberRuntime all = Runtimes.With(Math.Max(2, Environment.ProcessorCount));
        return new Contest([
            new Contender("fibers, blocking calls", () => Seconds(() => all.Run(() => Fiber.ForEach(Enumerable.Range(0, callers), callers, _ => Ask(source)))), () => FiberUse.Of(all)),
            new Contender("a thread per caller, blocking calls", () => Seconds(() => OnThreads(callers, () => Ask(source)))),
            new Contender("async/await", () => Seconds(() => Task.WaitAll([.. Enumerable.Range(0, callers).Select(_ => Task.Run(() => AskAsync(source)))]))),
        ], source, server);
    }

    private static void Ask(NpgsqlDataSource source)
    {
        for (int i = 0; i < Queries; i++)
        {
            using NpgsqlConnection connection = source.OpenConnection();
            connection.Execute("select pg_sleep(@seconds)", new { seconds = QuerySeconds });
        }
    }

    private static async Task AskAsync(NpgsqlDataSource source)
    {
        for (int i = 0; i < Queries; i++)
        {
            await using NpgsqlConnection connection = await source.OpenConnectionAsync();
            await connection.ExecuteAsync("select pg_sleep(@seconds)", new { seconds = QuerySeconds });
        }
    }

    private static double Seconds(Action action)
    {
        long start = Stopwatch.GetTimestamp();
        action();
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    private static void OnThreads(int count, Action body)
    {
        Thread[] threads = [.. Enumerable.Range(0, count).Select(_ => new Thread(() => body()))];
        foreach (Thread thread in threads)
            thread.Start();
        foreach (Thread thread in threads)
            thread.Join();
    }
}
