using System.Runtime.InteropServices;
using Fibers.Servers;
using Fibers.Tests.Support;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Unmodified;

/// <summary>A native client, loaded after fibers have started: libpq waits in poll and recv of its own.</summary>
[Collection(PostgresFixture.Name)]
public partial class NativeClient(PostgresFixture postgres)
{
    [Fact]
    public void Hundreds_of_fibers_wait_inside_libpq()
    {
        if (!NativeLibrary.TryLoad(Library, out _))
            Optional.Missing("libpq", "libpq5");
        PostgresServer server = postgres.Server;
        const int fibers = 200;
        var all = new CountdownEvent(fibers);
        ManyFibers.Run(fibers, i =>
        {
            nint connection = PQconnectdb($"hostaddr=127.0.0.1 port={server.Port} user=fibers dbname=postgres sslmode=disable gssencmode=disable");
            try
            {
                PQstatus(connection).ShouldBe(0, Marshal.PtrToStringUTF8(PQerrorMessage(connection)));
                all.Signal();
                all.Wait(); // every connection is open: now all wait for answers at once
                nint result = PQexec(connection, $"select {i}::text from pg_sleep(0.1)");
                Marshal.PtrToStringUTF8(PQgetvalue(result, 0, 0)).ShouldBe($"{i}");
                PQclear(result);
            }
            finally
            {
                PQfinish(connection);
            }
        });
    }

    private const string Library = "libpq.so.5";

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint PQconnectdb(string parameters);

    [LibraryImport(Library)]
    private static partial int PQstatus(nint connection);

    [LibraryImport(Library)]
    private static partial nint PQerrorMessage(nint connection);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint PQexec(nint connection, string command);

    [LibraryImport(Library)]
    private static partial nint PQgetvalue(nint result, int row, int column);

    [LibraryImport(Library)]
    private static partial void PQclear(nint result);

    [LibraryImport(Library)]
    private static partial void PQfinish(nint connection);
}
