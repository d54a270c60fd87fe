namespace Fibers;

/// <summary>How a runtime carries out its fibers. One API, several implementations, as with Zig's <c>Io</c>.</summary>
public enum FiberBackend
{
    /// <summary><see cref="Native"/> where its self-test passes, else <see cref="Threads"/>.</summary>
    Auto = 0,

    /// <summary>Many fibers on few kernel threads, by switching stacks. Linux with glibc on x64, arm64 or riscv64.</summary>
    Native = 1,

    /// <summary>One kernel thread per fiber. Works wherever .NET does.</summary>
    Threads = 2,

    /// <summary>Single-threaded blocking mode: <c>Spawn</c> runs the body at once, <c>SpawnConcurrent</c> throws.</summary>
    Inline = 3,
}
