using System.Diagnostics;
using Fibers.Parking;
using Fibers.Scheduling;

namespace Fibers;

/// <summary>
/// Fibers that live and end together: leaving the group waits for all of them, the first failure cancels the rest, every failure is reported, nothing outlives it.
/// </summary>
/// <remarks>
/// <para><see cref="Run(Action{FiberGroup})"/> is the safe form: the body is a member too, so a failing child cancels the body where it waits, and a failing body the children.
/// (Trio's nursery, Python's TaskGroup, Java's StructuredTaskScope.)</para>
/// <para>A group that lives long does not grow: members leave it as they end.</para>
/// </remarks>
[DebuggerDisplay("FiberGroup {Name,nq}: {Count} live")]
public sealed class FiberGroup : IDisposable
{
    private readonly FiberRuntime _runtime;
    private readonly Fiber? _owner;
    private readonly List<Exception> _failures = [];
    private readonly HashSet<Fiber> _members = [];
    private Latch _latch; // guards the two above, and the states below
    private JoinList _empty;
    private bool _canceled;
    private bool _closed;
    private CancelScope? _body; // Run's, while it is being carried out: a failure ends it too

    /// <summary>Makes a group on the current fiber's runtime, else on <see cref="FiberRuntime.Default"/>.</summary>
    public FiberGroup(string? name = null) : this(Fiber.Current?.Runtime ?? FiberRuntime.Default, name)
    {
    }

    /// <summary>Makes a group on a runtime.</summary>
    public FiberGroup(FiberRuntime runtime, string? name = null)
    {
        ArgumentNullException.ThrowIfNull(runtime);
        _runtime = runtime;
        _owner = Fiber.Current;
        Name = name;
    }

    /// <summary>For people: dumps show it.</summary>
    public string? Name { get; }

    /// <summary>Members that have not ended; a snapshot.</summary>
    public int Count
    {
        get
        {
            Latch.Scope scope = _latch.Enter();
            int count = _members.Count;
            _latch.Exit(scope);
            return count;
        }
    }

    /// <summary>True once the group was cancelled, by <see cref="RequestCancel"/> or by a failure.</summary>
    public bool IsCanceled => Volatile.Read(ref _canceled);

    /// <summary>Runs <paramref name="body"/> with a new group and waits for every member. Parks a fiber, blocks a thread; a cancellation point.</summary>
    /// <exception cref="AggregateException">The body or members failed; all failures are inside, the body's first.</exception>
    /// <exception cref="OperationCanceledException">The calling fiber was cancelled; all members were, and have ended.</exception>
    public static void Run(Action<FiberGroup> body)
    {
        ArgumentNullException.ThrowIfNull(body);
        var group = new FiberGroup();
        group.RunBody(body);
    }

    /// <summary>As <see cref="Run(Action{FiberGroup})"/>, with a result.</summary>
    public static T Run<T>(Func<FiberGroup, T> body)
    {
        ArgumentNullException.ThrowIfNull(body);
        T result = default!;
        Run(group => { result = body(group); });
        return result;
    }

    /// <summary>Asynchrony inside the group: never parks by itself; see <see cref="Fiber.Spawn(Action, FiberOptions)"/>.</summary>
    /// <exception cref="ObjectDisposedException">The group has been left.</exception>
    public Fiber Spawn(Action body, FiberOptions? options = null)
    {
        ThrowIfClosed();
        return Admit(_runtime.Spawn(body, options));
    }

    /// <inheritdoc cref="Spawn(Action, FiberOptions)"/>
    public Fiber<T> Spawn<T>(Func<T> body, FiberOptions? options = null)
    {
        ThrowIfClosed();
        return Admit(_runtime.Spawn(body, options));
    }

    /// <summary>Concurrency inside the group: never parks; see <see cref="Fiber.SpawnConcurrent(Action, FiberOptions)"/>.</summary>
    /// <exception cref="ConcurrencyUnavailableException">It cannot be had.</exception>
    /// <exception cref="ObjectDisposedException">The group has been left.</exception>
    public Fiber SpawnConcurrent(Action body, FiberOptions? options = null)
    {
        ThrowIfClosed();
        return Admit(_runtime.SpawnConcurrent(body, options));
    }

    /// <inheritdoc cref="SpawnConcurrent(Action, FiberOptions)"/>
    public Fiber<T> SpawnConcurrent<T>(Func<T> body, FiberOptions? options = null)
    {
        ThrowIfClosed();
        return Admit(_runtime.SpawnConcurrent(body, options));
    }

    /// <summary>Asks every member to stop, and those that come later at once. Does not wait. Any thread; never parks.</summary>
    public void RequestCancel()
    {
        Latch.Scope scope = _latch.Enter();
        Volatile.Write(ref _canceled, true);
        Fiber[] members = [.. _members];
        _latch.Exit(scope);
        foreach (Fiber member in members)
            member.RequestCancel();
    }

    /// <summary>Waits for every member. Parks a fiber, blocks a thread; a cancellation point: a cancelled caller cancels the members, waits for them, then throws.</summary>
    /// <exception cref="AggregateException">Members failed.</exception>
    /// <exception cref="OperationCanceledException">The calling fiber was cancelled while it waited.</exception>
    public void Join()
    {
        try
        {
            WaitUntilEmpty(Clock.Never);
        }
        catch (OperationCanceledException)
        {
            Dispose();
            throw;
        }

        ThrowFailures();
    }

    /// <summary>Cancels what still lives and waits for it; never throws. Not a cancellation point. Parks a fiber, blocks a thread. After <see cref="Join"/> there is nothing left to do.</summary>
    public void Dispose()
    {
        Latch.Scope scope = _latch.Enter();
        _closed = true;
        _latch.Exit(scope);
        RequestCancel();
        Fiber? self = Fiber.Current;
        self?.EnterShield();
        try
        {
            WaitUntilEmpty(Clock.Never);
        }
        finally
        {
            self?.LeaveShield();
        }
    }

    /// <summary>Any thread; a snapshot.</summary>
    internal Fiber[] Members()
    {
        Latch.Scope scope = _latch.Enter();
        Fiber[] members = [.. _members];
        _latch.Exit(scope);
        return members;
    }

    /// <inheritdoc/>
    public override string ToString() => Name is null ? "a FiberGroup" : $"FiberGroup \"{Name}\"";

    private void RunBody(Action<FiberGroup> body)
    {
        _body = _owner is null ? null : new CancelScope(_owner);
        Exception? thrown = null;
        try
        {
            body(this);
            LeaveBody();
            WaitUntilEmpty(Clock.Never);
        }
        catch (Exception exception)
        {
            thrown = exception;
        }

        bool byFailure = LeaveBody();
        Dispose();
        if (thrown is not null && !(byFailure && IsOurCancellation(thrown)))
        {
            if (thrown is OperationCanceledException && _failures.Count == 0)
                System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(thrown); // the caller itself was cancelled
            _failures.Insert(0, thrown);
        }

        ThrowFailures();
    }

    // From here a failing member leaves the owner alone. True: one had ended the body; if it has not noticed, it never will.
    private bool LeaveBody()
    {
        Latch.Scope scope = _latch.Enter();
        bool failed = _failures.Count > 0;
        _latch.Exit(scope);
        _ownerHadMet |= _body?.Leave() ?? false;
        return failed;
    }

    private bool _ownerHadMet;

    private bool IsOurCancellation(Exception thrown) => _ownerHadMet && thrown is not null && _owner is { IsCancellationRequested: false };

    private void ThrowIfClosed()
    {
        Latch.Scope scope = _latch.Enter();
        bool closed = _closed;
        _latch.Exit(scope);
        ObjectDisposedException.ThrowIf(closed, this);
    }

    private TFiber Admit<TFiber>(TFiber fiber) where TFiber : Fiber
    {
        Latch.Scope scope = _latch.Enter();
        _members.Add(fiber);
        fiber.Group = this;
        bool canceled = _canceled;
        _latch.Exit(scope);
        fiber.OnEnd(() => Ended(fiber));
        if (canceled)
            fiber.RequestCancel();
        return fiber;
    }

    // On whoever completed the fiber.
    private void Ended(Fiber fiber)
    {
        Exception? failure = fiber.Status == FiberStatus.Failed ? fiber.Exception : null;
        Latch.Scope scope = _latch.Enter();
        bool first = failure is not null && !_canceled;
        if (failure is not null)
            _failures.Add(failure);
        _latch.Exit(scope);
        if (first)
        {
            _body?.Fire();
            RequestCancel();
        }

        scope = _latch.Enter();
        _members.Remove(fiber);
        bool empty = _members.Count == 0;
        _latch.Exit(scope);
        if (empty)
            _empty.WakeAll();
    }

    private void WaitUntilEmpty(long deadlineNs)
    {
        while (Count > 0)
        {
            Parker parker = Parker.Current;
            ulong number = parker.Begin(ParkReason.Join);
            _empty.TryAdd(parker, number);
            if (Count == 0)
            {
                parker.Abandon();
                return;
            }

            if (Fiber.ParkHere(parker, deadlineNs, this) == Wake.Canceled && Fiber.Current is { } self && self.TryDeliver())
                throw self.CanceledHere();
        }
    }

    private void ThrowFailures()
    {
        Latch.Scope scope = _latch.Enter();
        Exception[] failures = [.. _failures];
        _latch.Exit(scope);
        if (failures.Length > 0)
            throw new AggregateException(failures);
    }
}
