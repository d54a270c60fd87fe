using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
using System.Runtime.Intrinsics.X86;
using Fibers.Parking;
using Fibers.VirtualThreads;

namespace Fibers;

/// <summary>
/// A handle on work that was spawned: ordinary blocking C#, on a stack of its own where the backend has them.
/// </summary>
/// <remarks>
/// The handle is separate from the virtual thread that runs the body, which is pooled. All members may be called from fibers, from
/// ordinary threads and from async code, unless they say otherwise.
/// </remarks>
[DebuggerDisplay("Fiber {Id} {Name,nq} {Status}")]
public partial class Fiber
{
    private static long s_lastId;

    private readonly FiberOptions? _options;
    private object? _body; // until it is invoked
    private readonly ExecutionContext? _context;
    private readonly long _parentId; // 0: none
    private VirtualThread? _virtualThread;
    private JoinList _joiners;
    private byte _status; // FiberStatus; final values are written before _joiners is closed
    private bool _begun;  // whoever sets it runs the body

    private protected Fiber(FiberRuntime runtime, object? body, FiberOptions? options)
    {
        Runtime = runtime;
        _body = body;
        _options = options;
        _context = ExecutionContext.Capture();
        Id = Interlocked.Increment(ref s_lastId);
        if (Current is { } parent)
            (_parentId, ParentName) = (parent.Id, parent.Name);
    }

    /// <summary>The fiber whose body the caller runs in, or null on an ordinary thread.</summary>
    public static Fiber? Current => Parker.CurrentOrNull?.Running;

    /// <summary>Unique in the process, in order of spawning.</summary>
    public long Id { get; }

    /// <summary>From <see cref="FiberOptions.Name"/>.</summary>
    public string? Name => _options?.Name;

    /// <summary>Where the body stands.</summary>
    public FiberStatus Status => (FiberStatus)Volatile.Read(ref _status);

    /// <summary>True when the body ran on whoever spawned or joined it, because no fiber could be had.</summary>
    public bool RanInline { get; private set; }

    /// <summary>What the body threw, once <see cref="Status"/> is <see cref="FiberStatus.Failed"/>; else null. Reading it counts as observing it.</summary>
    public Exception? Exception
    {
        get
        {
            if (!IsEnded || Failure is not { } failure || Status != FiberStatus.Failed)
                return null;
            failure.Observe();
            return failure.Info.SourceException;
        }
    }

    /// <summary>The fiber that spawned it; null: an ordinary thread did. Not the fiber itself, which it would keep alive.</summary>
    internal long? ParentId => _parentId == 0 ? null : _parentId;

    internal string? ParentName { get; }

    /// <summary>As <see cref="ToString"/> of the parent.</summary>
    internal string? ParentText => ParentId is { } id ? Describe(id, ParentName) : null;

    /// <summary>The group it was spawned in.</summary>
    internal FiberGroup? Group { get; set; }

    internal FiberRuntime Runtime { get; }

    /// <summary>What it runs on. Changed by the carrier that binds or frees it.</summary>
    internal VirtualThread? VirtualThread
    {
        get => _virtualThread;
        set => _virtualThread = value;
    }

    /// <summary>Any thread, on x64. The line that says what it runs on comes into the cache.</summary>
    internal unsafe void Fetch() => Sse.Prefetch0(Unsafe.AsPointer(ref _virtualThread));

    /// <summary>In the queue it is in. Guarded by that queue's lock.</summary>
    internal Fiber? QueueNext { get; set; }

    /// <summary>Its neighbours in the registry. Guarded by the registry.</summary>
    internal Fiber? RegistryNext { get; set; }

    /// <inheritdoc cref="RegistryNext"/>
    internal Fiber? RegistryPrevious { get; set; }

    /// <summary>It counts against the limit. Written by the spawner, before anybody else sees the fiber.</summary>
    internal bool HasPermit { get; set; }

    /// <summary>For whoever measures queues. Written where it becomes runnable, read where it runs.</summary>
    internal long RunnableSinceNs { get; set; }

    internal bool IsEnded => _joiners.IsClosed;

    // A plain fiber's body; Fiber<T> overrides it.
    internal virtual void Invoke() => ((Action)TakeBody())();

    /// <summary>Once. What the body alone refers to is garbage as soon as the body needs it no more.</summary>
    private protected object TakeBody()
    {
        object body = _body!;
        _body = null;
        return body;
    }

    /// <inheritdoc/>
    public override string ToString() => Describe(Id, Name);

    private static string Describe(long id, string? name) => name is null ? $"Fiber {id}" : $"Fiber {id} \"{name}\"";
}
