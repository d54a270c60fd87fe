using System.Diagnostics;
using Fibers.Backends;
using Fibers.Diagnostics;
using Fibers.Parking;
using Fibers.Scheduling;

namespace Fibers;

/// <summary>A running scheduler. Most programs use <see cref="Default"/> through the static members of <see cref="Fiber"/>.</summary>
[DebuggerDisplay("FiberRuntime {Id} ({Backend}), {LiveFibers} live fibers")]
public sealed partial class FiberRuntime : IDisposable
{
    private static readonly FiberOptions s_main = new() { Name = "main" };
    private static readonly Lazy<FiberRuntime> s_default = new(() => new FiberRuntime(new FiberRuntimeOptions()));

    private readonly Backend _backend;
    private readonly Permits _permits;
    private readonly TaskCompletionSource _drained = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Timeline? _timeline;
    private int _disposed;
    private int _placing; // those in SpawnConcurrent: Dispose may cancel their fibers, and then no permit tells of them, but they still make or take a virtual thread

    /// <summary>Starts a runtime with default settings.</summary>
    public FiberRuntime() : this(new FiberRuntimeOptions())
    {
    }

    /// <summary>Starts a runtime.</summary>
    /// <exception cref="ArgumentNullException">No options.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range; its name is in the message.</exception>
    /// <exception cref="IOException">The file for the timeline cannot be written.</exception>
    /// <exception cref="PlatformNotSupportedException"><see cref="FiberBackend.Native"/> was asked for and cannot be had; <see cref="FiberBackend.Auto"/> would have fallen back.</exception>
    public FiberRuntime(FiberRuntimeOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        Deadlocks = new DeadlockFinder(this, options.SelfContained); // a backend's threads look at it
        _backend = BackendChoice.Make(this, options, out string? reason);
        FallbackReason = reason;
        _permits = new Permits(options.EffectiveMaxFibers(_backend.Kind));
        LiveRuntimes.Add(this);
        if (options.DumpOnSigQuit || QuitSignal.IsAskedFor)
            QuitSignal.Enable();
        FiberEvents.Start();
        FiberMeter.Follow();
        _timeline = Timeline.StartFor(this, options);
    }

    private FiberRuntime(FiberRuntimeOptions options, Func<FiberRuntime, Backend> backend)
    {
        Deadlocks = new DeadlockFinder(this, options.SelfContained);
        _backend = backend(this);
        _permits = new Permits(options.EffectiveMaxFibers(_backend.Kind));
    }

    /// <summary>For the self-test, which decides whether BackendChoice may choose Native.</summary>
    internal static FiberRuntime MakeUntested(FiberRuntimeOptions options) => new(options, runtime => new NativeBackend(runtime, options));

    /// <summary>For tests: nothing can be allocated.</summary>
    internal static FiberRuntime MakeFailing(bool throws = false) => new(new FiberRuntimeOptions(), _ => new FailingBackend(FiberBackend.Threads, throws));

    /// <summary>Raised, on the finalizer thread, for an exception that nobody joined before the fiber's handle was collected. Handlers must not throw.</summary>
    public event EventHandler<UnobservedFiberExceptionEventArgs>? UnobservedException;

    /// <summary>The runtime that static calls outside any fiber use; started at the first use, never disposed.</summary>
    public static FiberRuntime Default => s_default.Value;

    /// <summary>What carries the fibers out: <see cref="FiberBackend.Native"/>, <see cref="FiberBackend.Threads"/> or <see cref="FiberBackend.Inline"/>.</summary>
    public FiberBackend Backend => _backend.Kind;

    /// <summary>Why <see cref="FiberBackend.Auto"/> did not choose Native, or null.</summary>
    public string? FallbackReason { get; }

    /// <summary>Unique in the process, in order of starting; metrics and dumps show it.</summary>
    public int Id { get; } = LiveRuntimes.NextId();

    /// <summary>A snapshot of what this runtime has done.</summary>
    public FiberStatistics Statistics => _backend.Describe(Counters.Snapshot(Registry.Count()) with { Live = _permits.Taken });

    internal Counters Counters { get; } = new();

    internal FiberRegistry Registry { get; } = new();

    internal DeadlockFinder Deadlocks { get; }

    internal int LiveFibers => _permits.Taken;

    internal Scheduler? Scheduler => (_backend as NativeBackend)?.Scheduler;

    /// <inheritdoc cref="Fiber.Spawn(Action, FiberOptions)"/>
    public Fiber Spawn(Action body, FiberOptions? options = null) => Spawn(body, options, group: null);

    /// <inheritdoc cref="Fiber.Spawn(Action, FiberOptions)"/>
    public Fiber<T> Spawn<T>(Func<T> body, FiberOptions? options = null) => Spawn(body, options, group: null);

    /// <inheritdoc cref="Fiber.SpawnConcurrent(Action, FiberOptions)"/>
    public Fiber SpawnConcurrent(Action body, FiberOptions? options = null) => SpawnConcurrent(body, options, group: null);

    /// <inheritdoc cref="Fiber.SpawnConcurrent(Action, FiberOptions)"/>
    public Fiber<T> SpawnConcurrent<T>(Func<T> body, FiberOptions? options = null) => SpawnConcurrent(body, options, group: null);

    /// <summary>
    /// Runs <paramref name="main"/> on a fiber of this runtime; returns, or rethrows, when it ends. Any thread or fiber may call it: blocks a thread. Parks a fiber; a
    /// cancellation point. When its fibers wait for one another and nothing can wake them, it throws at once; they stay where they are until <see cref="Dispose"/> cancels them.
    /// </summary>
    /// <exception cref="FiberDeadlockException">Called from an ordinary thread: nothing can wake any of the fibers.</exception>
    public void Run(Action main)
    {
        using var inside = new RunScope(this);
        Spawn(main, s_main).Join();
    }

    /// <inheritdoc cref="Run(Action)"/>
    public T Run<T>(Func<T> main)
    {
        using var inside = new RunScope(this);
        return Spawn(main, s_main).Join();
    }

    /// <summary>
    /// Cancels every fiber, waits until all have ended, then stops the carriers. A fiber that ignores its cancellation is waited for. Idempotent; no cancellation point. Blocks a thread, parks a fiber of another runtime. Not from
    /// one of its own fibers.
    /// </summary>
    /// <exception cref="InvalidOperationException">Called from one of its own fibers.</exception>
    public void Dispose()
    {
        if (Fiber.Current?.Runtime == this)
            throw new InvalidOperationException("A runtime cannot be disposed from one of its own fibers.");
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
            return;
        foreach (Fiber fiber in Registry.Snapshot())
            fiber.RequestCancel();
        if (_permits.TryClose())
            _drained.SetResult();
        Fiber.Unbroken(_drained.Task, static drained => drained.Wait());
        for (int round = 0; Volatile.Read(ref _placing) != 0; round++)
            Latch.Backoff(round); // whoever comes from here on finds the permits closed
        LiveRuntimes.Remove(this);
        _backend.Dispose();
        _timeline?.Dispose();
    }

    internal Fiber Spawn(Action body, FiberOptions? options, FiberGroup? group) => Spawn(Make(body, options), group);

    internal Fiber<T> Spawn<T>(Func<T> body, FiberOptions? options, FiberGroup? group) => Spawn(Make(body, options), group);

    internal Fiber SpawnConcurrent(Action body, FiberOptions? options, FiberGroup? group) => SpawnConcurrent(Make(body, options), group);

    internal Fiber<T> SpawnConcurrent<T>(Func<T> body, FiberOptions? options, FiberGroup? group) => SpawnConcurrent(Make(body, options), group);

    /// <summary>Whoever completes the fiber, once, when nothing of it runs any more. What is returned is still to be done.</summary>
    internal JoinList.Actions Ended(Fiber fiber)
    {
        Probe.Current?.Ended(fiber);
        if (fiber.HasPermit)
            Registry.Remove(fiber);
        else
            Counters.EndedUnlisted();
        bool last = fiber.HasPermit && ReturnPermit();
        JoinList.Actions actions = fiber.Complete();
        if (last)
            _drained.SetResult();
        return actions;
    }

    internal void RaiseUnobserved(string fiber, string? parent, Exception exception)
    {
        Counters.UnobservedOnce();
        UnobservedException?.Invoke(this, new UnobservedFiberExceptionEventArgs(fiber, parent, exception));
    }

    /// <summary>The spawner; on Native before the fiber can run.</summary>
    internal static void ReportSpawned(Fiber fiber) => Probe.Current?.Spawned(fiber, Fiber.Current);

    private Fiber Make(Action body, FiberOptions? options)
    {
        ArgumentNullException.ThrowIfNull(body);
        ThrowIfDisposed();
        return Fiber.Create(this, body, options);
    }

    private Fiber<T> Make<T>(Func<T> body, FiberOptions? options)
    {
        ArgumentNullException.ThrowIfNull(body);
        AsyncBody.Refuse<T>();
        ThrowIfDisposed();
        return new Fiber<T>(this, body, options);
    }

    private TFiber Spawn<TFiber>(TFiber fiber, FiberGroup? group) where TFiber : Fiber
    {
        ReportSpawned(fiber);
        if (IsUnwanted(fiber, group))
            return EndUnrun(fiber);
        if (_backend.Kind == FiberBackend.Inline)
            return RunUnlisted(fiber, group, InlineReason.Backend);
        if (!TryTakePermit())
            return RunUnlisted(fiber, group, InlineReason.Limit);
        if (!TryPlace(fiber, group, concurrent: false, out _))
            return RunInline(fiber, InlineReason.Resources);
        fiber.Link();
        return fiber;
    }

    private static bool IsUnwanted(Fiber fiber, FiberGroup? group) => fiber.IsLinkedToCanceled || group is { IsCanceled: true };

    // As if it had been asked to stop just before it began.
    private TFiber EndUnrun<TFiber>(TFiber fiber) where TFiber : Fiber
    {
        Counters.SpawnedUnlisted();
        fiber.RequestCancel();
        return fiber;
    }

    private TFiber RunUnlisted<TFiber>(TFiber fiber, FiberGroup? group, InlineReason reason) where TFiber : Fiber
    {
        Counters.SpawnedUnlisted();
        group?.Add(fiber);
        return RunInline(fiber, reason);
    }

    private TFiber RunInline<TFiber>(TFiber fiber, InlineReason reason) where TFiber : Fiber
    {
        fiber.Link();
        if (!fiber.TryBegin())
            return fiber; // cancelled before it began
        ThreadParker? guest = Fiber.Current?.Runtime == this ? null : Parker.Current as ThreadParker;
        if (guest is not null)
            Deadlocks.Enter(guest, run: false);
        fiber.RunInline(reason);
        if (guest is not null)
            Deadlocks.Leave(guest, run: false);
        return fiber;
    }

    private TFiber SpawnConcurrent<TFiber>(TFiber fiber, FiberGroup? group) where TFiber : Fiber
    {
        if (IsUnwanted(fiber, group))
        {
            ReportSpawned(fiber);
            return EndUnrun(fiber);
        }

        string? reason = null;
        if (_backend.Kind == FiberBackend.Inline)
        {
            _ = _backend.TrySpawnConcurrent(fiber, out reason);
        }
        else if (TryPlaceConcurrent(fiber, group, ref reason))
        {
            fiber.Link();
            return fiber;
        }

        reason ??= $"{_permits.Limit} fibers live already, and that is the limit (FiberRuntimeOptions.MaxFibers)";
        throw new ConcurrencyUnavailableException($"Concurrency is unavailable: {reason}.");
    }

    private bool TryPlaceConcurrent(Fiber fiber, FiberGroup? group, ref string? reason)
    {
        Interlocked.Increment(ref _placing);
        try
        {
            if (!TryTakePermit())
                return false;
            if (TryPlace(fiber, group, concurrent: true, out reason))
                return true;
            Withdraw(fiber, group);
            return false;
        }
        finally
        {
            Interlocked.Decrement(ref _placing);
        }
    }

    // False: as many live as may. Whoever meets it closed passed the first look before Dispose began.
    private bool TryTakePermit()
    {
        if (_permits.TryTake())
            return true;
        ThrowIfDisposed();
        return false;
    }

    // With a permit. When it throws (there is no memory) the fiber is gone again, and so is the permit.
    private bool TryPlace(Fiber fiber, FiberGroup? group, bool concurrent, out string reason)
    {
        try
        {
            Admit(fiber, group);
            reason = "";
            return concurrent ? _backend.TrySpawnConcurrent(fiber, out reason) : _backend.TrySpawn(fiber);
        }
        catch
        {
            Withdraw(fiber, group);
            throw;
        }
    }

    private void Withdraw(Fiber fiber, FiberGroup? group)
    {
        if (!fiber.TryBegin())
            return; // it was cancelled, and has ended
        group?.Remove(fiber);
        Registry.Remove(fiber, spawned: false);
        if (ReturnPermit())
            _drained.SetResult();
    }

    // From here it counts, and Dispose and its group find it.
    private void Admit(Fiber fiber, FiberGroup? group)
    {
        fiber.HasPermit = true;
        Registry.Add(fiber);
        group?.Add(fiber);
        if (Volatile.Read(ref _disposed) != 0)
            fiber.RequestCancel(); // Dispose may have looked before we were in the list
    }

    // True: Dispose waits for that. It is told when nothing is left to be done for the fiber.
    private bool ReturnPermit() => _permits.Return() == 0 && Volatile.Read(ref _disposed) != 0 && _permits.TryClose();

    private void ThrowIfDisposed() => ObjectDisposedException.ThrowIf(Volatile.Read(ref _disposed) != 0, this);

    /// <summary>The calling thread is in Run. A fiber that calls it is no guest: it is a party already.</summary>
    private readonly ref struct RunScope
    {
        private readonly FiberRuntime _runtime;
        private readonly ThreadParker? _guest;

        public RunScope(FiberRuntime runtime)
        {
            _runtime = runtime;
            if (Fiber.Current is not null || Parker.Current is not ThreadParker thread)
                return;
            _guest = thread;
            thread.Guest = runtime;
            runtime.Deadlocks.Enter(thread, run: true);
        }

        public void Dispose()
        {
            if (_guest is null)
                return;
            _runtime.Deadlocks.Leave(_guest, run: true);
            _guest.Guest = null;
        }
    }
}
