using System.Diagnostics;
using System.Runtime.ExceptionServices;
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
    private static readonly FiberOptions s_body = new() { Name = "group" };

    private readonly FiberRuntime _runtime;
    private readonly List<Fiber> _failed = []; // not their exceptions: nobody has observed those yet
    private readonly HashSet<Fiber> _members = [];
    private Latch _latch; // guards the two above
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
        Name = name;
    }

    /// <summary>For people: dumps show it.</summary>
    public string? Name { get; }

    /// <summary>Members that have not ended; a snapshot.</summary>
    public int Count
    {
        get
        {
            using Latch.Held held = _latch.Hold();
            return _members.Count;
        }
    }

    /// <summary>True once the group was cancelled, by <see cref="RequestCancel"/> or by a failure.</summary>
    public bool IsCanceled => Volatile.Read(ref _canceled);

    /// <summary>
    /// Runs <paramref name="body"/> with a new group and waits for every member. Parks a fiber, blocks a thread; a cancellation point. Called from an ordinary thread, the body
    /// runs on a fiber of <see cref="FiberRuntime.Default"/>, so that there too a failing member ends what it waits in.
    /// </summary>
    /// <exception cref="AggregateException">The body or members failed; all failures are inside, the body's first.</exception>
    /// <exception cref="OperationCanceledException">The calling fiber was cancelled; all members were, and have ended.</exception>
    public static void Run(Action<FiberGroup> body)
    {
        ArgumentNullException.ThrowIfNull(body);
        if (Fiber.Current is { } self)
        {
            new FiberGroup(self.Runtime).RunBody(body, self);
            return;
        }

        using Fiber host = FiberRuntime.Default.Spawn(() => Run(body), s_body);
        host.Join();
    }

    /// <summary>As <see cref="Run(Action{FiberGroup})"/>, with a result.</summary>
    /// <exception cref="ArgumentException">The body is async: it would go on after the group.</exception>
    public static T Run<T>(Func<FiberGroup, T> body)
    {
        ArgumentNullException.ThrowIfNull(body);
        AsyncBody.Refuse<T>();
        T result = default!;
        Run(group => { result = body(group); });
        return result;
    }

    /// <summary>Asynchrony inside the group: never parks by itself; see <see cref="Fiber.Spawn(Action, FiberOptions)"/>.</summary>
    /// <exception cref="ObjectDisposedException">The group has been left.</exception>
    public Fiber Spawn(Action body, FiberOptions? options = null)
    {
        ThrowIfClosed();
        return _runtime.Spawn(body, options, this);
    }

    /// <inheritdoc cref="Spawn(Action, FiberOptions)"/>
    public Fiber<T> Spawn<T>(Func<T> body, FiberOptions? options = null)
    {
        ThrowIfClosed();
        return _runtime.Spawn(body, options, this);
    }

    /// <summary>Concurrency inside the group: never parks; see <see cref="Fiber.SpawnConcurrent(Action, FiberOptions)"/>.</summary>
    /// <exception cref="ConcurrencyUnavailableException">It cannot be had.</exception>
    /// <exception cref="ObjectDisposedException">The group has been left.</exception>
    public Fiber SpawnConcurrent(Action body, FiberOptions? options = null)
    {
        ThrowIfClosed();
        return _runtime.SpawnConcurrent(body, options, this);
    }

    /// <inheritdoc cref="SpawnConcurrent(Action, FiberOptions)"/>
    public Fiber<T> SpawnConcurrent<T>(Func<T> body, FiberOptions? options = null)
    {
        ThrowIfClosed();
        return _runtime.SpawnConcurrent(body, options, this);
    }

    /// <summary>Asks every member to stop; the bodies of those that come later do not run. Does not wait. Any thread; never parks.</summary>
    public void RequestCancel()
    {
        Volatile.Write(ref _canceled, true); // first: whoever is added from here on is asked by Add
        foreach (Fiber member in Members())
            member.RequestCancel();
    }

    /// <summary>Waits for every member. Parks a fiber, blocks a thread; a cancellation point: a cancelled caller cancels the members, waits for them, then throws.</summary>
    /// <exception cref="AggregateException">Members failed.</exception>
    /// <exception cref="OperationCanceledException">The calling fiber was cancelled while it waited.</exception>
    public void Join()
    {
        try
        {
            WaitUntilEmpty();
        }
        catch (OperationCanceledException)
        {
            Dispose();
            throw;
        }

        ThrowFailures(ofBody: null);
    }

    /// <summary>
    /// Cancels what still lives and waits for it; never throws. Not a cancellation point. Parks a fiber, blocks a thread. After <see cref="Join"/> there is nothing left to do; without it,
    /// failures come to <see cref="FiberRuntime.UnobservedException"/>.
    /// </summary>
    public void Dispose()
    {
        Volatile.Write(ref _closed, true);
        RequestCancel();
        Fiber.Unbroken(this, static group => group.WaitUntilEmpty());
    }

    /// <summary>Any thread; a snapshot.</summary>
    internal Fiber[] Members()
    {
        using Latch.Held held = _latch.Hold();
        return [.. _members];
    }

    /// <inheritdoc/>
    public override string ToString() => Name is null ? "a FiberGroup" : $"FiberGroup \"{Name}\"";

    /// <summary>The runtime, before the fiber can run.</summary>
    internal void Add(Fiber fiber)
    {
        fiber.Group = this;
        using (_latch.Hold())
            _members.Add(fiber);
        fiber.OnEnd(() => Ended(fiber));
        if (IsCanceled)
            fiber.RequestCancel();
    }

    private void RunBody(Action<FiberGroup> body, Fiber owner)
    {
        _body = new CancelScope(owner);
        Exception? thrown = null;
        bool met = false;
        try
        {
            body(this);
            met = _body.Leave();
            WaitUntilEmpty();
        }
        catch (Exception exception)
        {
            thrown = exception;
        }

        bool failed = Failed().Length > 0; // before the scope is left: a member that fails later did not end the body
        met |= _body.Leave();
        Dispose();
        bool derived = failed && !owner.IsCancellationRequested && (met || thrown is OperationCanceledException); // the members' failures say why
        ThrowFailures(derived ? null : thrown);
    }

    private Fiber[] Failed()
    {
        using Latch.Held held = _latch.Hold();
        return [.. _failed];
    }

    private void ThrowIfClosed() => ObjectDisposedException.ThrowIf(Volatile.Read(ref _closed), this);

    // On whoever completed the fiber.
    private void Ended(Fiber fiber)
    {
        if (fiber.Status == FiberStatus.Failed)
        {
            using (_latch.Hold())
                _failed.Add(fiber);
            if (!IsCanceled)
            {
                _body?.Fire();
                RequestCancel();
            }
        }

        Remove(fiber);
    }

    /// <summary>Whoever completed the fiber; or the runtime, when it was refused and will not run.</summary>
    internal void Remove(Fiber fiber)
    {
        bool empty;
        using (_latch.Hold())
        {
            _members.Remove(fiber);
            empty = _members.Count == 0;
        }

        if (empty)
            _empty.WakeAll();
    }

    private void WaitUntilEmpty()
    {
        while (Count > 0)
        {
            Parker parker = Parker.Current;
            _empty.TryAdd(JoinList.Waiter.Begin(parker));
            if (Count == 0)
            {
                parker.Abandon();
                return;
            }

            if (Fiber.ParkHere(parker, Clock.Never, this) == Wake.Canceled && Fiber.Current is { } self && self.TryDeliver())
                throw self.CanceledHere();
        }
    }

    private void ThrowFailures(Exception? ofBody)
    {
        List<Exception> failures = [.. Failed().Select(static fiber => fiber.Exception!)];
        if (ofBody is OperationCanceledException && failures.Count == 0)
            ExceptionDispatchInfo.Throw(ofBody); // the caller itself was cancelled
        if (ofBody is not null && !failures.Contains(ofBody)) // it may have joined the member that threw it
            failures.Insert(0, ofBody);
        if (failures.Count > 0)
            throw new AggregateException(failures);
    }
}
