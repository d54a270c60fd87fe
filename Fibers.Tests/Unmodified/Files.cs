using Fibers.Tests.Support;
using Microsoft.Win32.SafeHandles;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Unmodified;

/// <summary><see cref="FileStream"/>, <see cref="File"/> and <see cref="RandomAccess"/>, through io_uring and through the shim's pool.</summary>
public class Files
{
    private const int Size = 200_000;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Hundreds_of_fibers_write_flush_and_read_files(bool uring)
    {
        using var paths = new FilePaths(uring);
        ManyFibers.Run(200, i =>
        {
            string path = paths.File(i);
            byte[] data = Data(i);
            using (var stream = new FileStream(path, FileMode.CreateNew))
            {
                stream.Write(data);
                stream.Flush(flushToDisk: true); // fsync: always a hand-off
            }

            File.ReadAllBytes(path).AsSpan().SequenceEqual(data).ShouldBeTrue();
            using (SafeFileHandle handle = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite))
            {
                byte[] part = new byte[1000];
                RandomAccess.Read(handle, part, Size / 2).ShouldBe(part.Length);
                part.AsSpan().SequenceEqual(data.AsSpan(Size / 2, part.Length)).ShouldBeTrue();
                RandomAccess.Write(handle, [part.AsMemory(0, 500), part.AsMemory(500)], Size);
                RandomAccess.GetLength(handle).ShouldBe(Size + part.Length);
                RandomAccess.Read(handle, [new byte[10], new byte[Size]], Size).ShouldBe(part.Length, "a scattered read to the end");
            }

            File.AppendAllText(path, "end");
            File.ReadAllText(path)[^3..].ShouldBe("end");
            File.Delete(path);
        });
        paths.HandedOff.ShouldBeTrue();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Reading_what_was_just_written_makes_no_hand_off(bool uring)
    {
        using var paths = new FilePaths(uring);
        string path = paths.File(0);
        File.WriteAllBytes(path, Data(0));
        using FiberRuntime runtime = Runtimes.Native(1);
        runtime.Run(() => File.ReadAllBytes(path)).Length.ShouldBe(Size); // whatever .NET does first is done
        (long, long) before = Handed(runtime);
        for (int i = 0; i < 50; i++)
            runtime.Run(() => File.ReadAllBytes(path)).AsSpan().SequenceEqual(Data(0)).ShouldBeTrue();
        Handed(runtime).ShouldBe(before);
    }

    [Fact]
    public void What_a_file_promises_to_refuse_it_refuses_on_a_fiber_too() => ManyFibers.Run(100, static _ =>
    {
        Should.Throw<FileNotFoundException>(() => File.ReadAllBytes("/no such file"));
        Should.Throw<UnauthorizedAccessException>(() => File.ReadAllBytes("/proc"));
        using SafeFileHandle reading = File.OpenHandle("/proc/self/exe");
        Should.Throw<UnauthorizedAccessException>(() => RandomAccess.Write(reading, [1], 0));
    });

    private static (long, long) Handed(FiberRuntime runtime) => (runtime.Statistics.UringCalls, runtime.Statistics.OffloadedCalls);

    private static byte[] Data(int seed)
    {
        byte[] data = new byte[Size];
        new Random(seed).NextBytes(data);
        return data;
    }
}
