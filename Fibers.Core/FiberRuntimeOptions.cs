using System.Diagnostics;

namespace Fibers;

/// <summary>Settings of a <see cref="FiberRuntime"/>, checked once, when the runtime is made.</summary>
[DebuggerDisplay("FiberRuntimeOptions {Backend}, {Carriers} carriers")]
public sealed record FiberRuntimeOptions
{
    internal const int MinStackSize = 128 * 1024;
    internal const int MaxStackSize = 1024 * 1024 * 1024;
    internal const int StackGranularity = 64 * 1024; // the largest page size Linux uses on our architectures

    /// <summary>How fibers are carried out. Default: <see cref="FiberBackend.Auto"/>.</summary>
    public FiberBackend Backend { get; init; } = FiberBackend.Auto;

    /// <summary>Kernel threads that run fibers (Native). Default: the number of processors.</summary>
    public int Carriers { get; init; } = Environment.ProcessorCount;

    /// <summary>
    /// Fibers alive at once, queued ones included. Beyond it <c>Spawn</c> runs the body inline and
    /// <c>SpawnConcurrent</c> throws. Default: 1,000,000 (Native), 1,000 (Threads).
    /// </summary>
    public int? MaxFibers { get; init; }

    /// <summary>
    /// Bytes of address space reserved per fiber's stack; memory is used only as it is touched. A multiple of
    /// 64 KiB between 128 KiB and 1 GiB. Default: 1 MiB.
    /// </summary>
    public int StackSize { get; init; } = 1024 * 1024;

    /// <summary>
    /// The most idle virtual threads kept for reuse (Native); more are destroyed. Of the others, half of those that nothing has needed for two seconds go, every two seconds. Default: 10,000.
    /// </summary>
    public int MaxPooledThreads { get; init; } = 10_000;

    /// <summary>
    /// A promise that only this runtime's own fibers, descriptors and time wake its fibers: no other thread, task, timer or signal handler sends, closes, unparks or cancels.
    /// Then <see cref="FiberRuntime.Run(Action)"/> finds deadlocks in a process that does other things as well. Default: false; only when no other code can run in the process.
    /// </summary>
    public bool SelfContained { get; init; }

    /// <summary>
    /// On SIGQUIT (Ctrl+\ on a terminal), <see cref="FiberRuntime.Dump(TextWriter)"/> of every runtime to standard error, and the process goes on instead of ending. For the whole process from then on. Also switched on by
    /// the environment variable <c>FIBERS_DUMP_ON_SIGQUIT=1</c>. Default: false.
    /// </summary>
    public bool DumpOnSigQuit { get; init; }

    /// <summary>
    /// A file that gets a picture of what the fibers did, when the runtime is disposed or the process ends: which carrier ran which fiber when, why it left and who woke it. Trace-event JSON, which Perfetto and chrome://tracing
    /// open; a page that shows it by itself when the name ends in <c>.html</c>. Of each carrier the last 131,072 entries are kept. Default: what the environment variable <c>FIBERS_TIMELINE</c> says; if it says nothing, none is recorded.
    /// Native: the other backends have no carriers to show.
    /// </summary>
    public string? Timeline { get; init; }

    internal int EffectiveMaxFibers(FiberBackend backend) => MaxFibers ?? (backend == FiberBackend.Threads ? 1_000 : 1_000_000);

    internal void Validate()
    {
        if (!Enum.IsDefined(Backend))
            throw new ArgumentOutOfRangeException(nameof(Backend), Backend, "There is no such backend.");
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(Carriers, nameof(Carriers));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(Carriers, 1024, nameof(Carriers));
        if (MaxFibers is { } max)
            ArgumentOutOfRangeException.ThrowIfNegativeOrZero(max, nameof(MaxFibers));
        if (StackSize < MinStackSize || StackSize > MaxStackSize || StackSize % StackGranularity != 0)
            throw new ArgumentOutOfRangeException(nameof(StackSize), StackSize, "The stack size must be a multiple of 64 KiB between 128 KiB and 1 GiB.");
        ArgumentOutOfRangeException.ThrowIfNegative(MaxPooledThreads, nameof(MaxPooledThreads));
        if (Timeline is { Length: 0 })
            throw new ArgumentException("A timeline needs the name of a file.", nameof(Timeline));
    }
}
