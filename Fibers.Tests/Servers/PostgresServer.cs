using System.Diagnostics;
using Npgsql;

namespace Fibers.Servers;

/// <summary>A PostgreSQL of our own. It refuses to run as root, so as root it runs as the user of Debian's package.</summary>
public sealed class PostgresServer : ServerProcess
{
    public const int MaxConnections = 400;

    private PostgresServer(string programs)
        : base("postgres")
    {
        string data = Path.Combine(Folder, "data");
        if (Environment.IsPrivilegedProcess)
            RunToEnd(new ProcessStartInfo("chown", ["postgres", Folder]) { WorkingDirectory = Folder });
        RunToEnd(Unprivileged(Path.Combine(programs, "initdb"), "-D", data, "-U", "fibers", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"));
        Start(
            Unprivileged(Path.Combine(programs, "postgres"), "-D", data, "-h", "127.0.0.1", "-p", $"{Port}", "-k", Folder,
                "-c", $"max_connections={MaxConnections}", "-c", "fsync=off", "-c", "shared_buffers=32MB", "-c", "autovacuum=off"),
            () =>
            {
                using var connection = new NpgsqlConnection(ConnectionString + ";Pooling=false;Timeout=1");
                connection.Open();
            });
    }

    public string ConnectionString => $"Host=127.0.0.1;Port={Port};Username=fibers;Database=postgres;SSL Mode=Disable;GSS Encryption Mode=Disable";

    public static bool IsInstalled => Programs() is not null;

    /// <summary>Null: it is not installed.</summary>
    public static PostgresServer? TryStart() => Programs() is { } programs ? new PostgresServer(programs) : null;

    // SIGINT is its "fast shutdown": it disconnects its clients and leaves nothing behind.
    protected override void Stop(Process process)
    {
        Process.Start("kill", ["-INT", $"{process.Id}"]).WaitForExit();
        process.WaitForExit();
    }

    private static string? Programs() => Directory.Exists("/usr/lib/postgresql")
        ? Directory.GetDirectories("/usr/lib/postgresql").Select(static version => Path.Combine(version, "bin")).FirstOrDefault(static bin => File.Exists(Path.Combine(bin, "postgres")))
        : null;

    private ProcessStartInfo Unprivileged(string program, params string[] arguments) => Environment.IsPrivilegedProcess
        ? new ProcessStartInfo("setpriv", [.. (string[])["--reuid=postgres", "--regid=postgres", "--clear-groups", program], .. arguments]) { WorkingDirectory = Folder }
        : new ProcessStartInfo(program, arguments) { WorkingDirectory = Folder };
}
