using System.Runtime.InteropServices;
using Fibers.Native;
using Fibers.Parking;
using Fibers.Scheduling;
using Fibers.VirtualThreads;

namespace Fibers;

// Cancellation is a request, delivered once, at the next cancellation point, by whoever changes Pending to Delivered.
//
//   where the fiber stands                 who delivers                                 how it looks
//   not begun                              RequestCancel                                the body never runs
//   Sleep, Join, channels, ...             the fiber, woken or before it parks          OperationCanceledException
//   redirected I/O (Native)                the shim, woken or before it parks           the call fails with ECANCELED
//   a wait of the runtime (Monitor, ...)   Nudge or ParkCommit, by Interrupt            ThreadInterruptedException
//   computing                              the fiber, at ThrowIfCanceled                OperationCanceledException
//
// Deadlines (Fiber.Timeout) travel the same way, as requests that only their scope knows of.
// The word that holds Pending lives on the virtual thread while the fiber runs on one, so that the shim can read it; else in
// _cancelWord. _cancelLatch orders requests against the end of the body, so that no interrupt reaches the next fiber on that thread.
public partial class Fiber
{
    internal const uint CancelPending = 1;
    internal const uint CancelDelivered = 2;
    private const uint CancelInterrupted = 4; // delivered by Interrupt, which may be on its way still

    private volatile bool _cancelRequested; // by RequestCancel, not by a deadline
    private volatile bool _cancelUsed;      // anybody ever posted a request
    private Latch _cancelLatch;             // guards _cancelClosed, and interrupts
    private bool _cancelClosed;             // the body has ended
    private uint _cancelWord;               // while there is no virtual thread
    private volatile VirtualThread? _cancelHost; // what the body runs on, own or (inline) another fiber's

    /// <summary>The innermost of the fiber's scopes. Only the fiber itself.</summary>
    internal CancelScope? Scope
    {
        get => _rarities?.Scope;
        set => Rarely.Scope = value;
    }

    /// <summary>Cancelled when cancellation of this fiber is requested: for code that takes tokens. Never parks.</summary>
    public CancellationToken CancellationToken
    {
        get
        {
            Rarities rarely = Rarely;
            if (rarely.Source is { } made)
                return made.Token;
            var source = new CancellationTokenSource();
            source = Interlocked.CompareExchange(ref rarely.Source, source, null) ?? source; // full fence; pairs with RequestCancel
            if (_cancelRequested)
                source.Cancel();
            return source.Token;
        }
    }

    /// <summary>True once cancellation was requested, delivered or not.</summary>
    public bool IsCancellationRequested => _cancelRequested;

    /// <summary>
    /// Asks the body to stop; does not wait. Delivered once, at the body's next cancellation point: <see cref="Sleep"/>, <see cref="Join()"/>, channels,
    /// <see cref="ThrowIfCanceled"/>, blocking I/O (fails with ECANCELED) and managed waits (interrupted) of unmodified code. A body that goes on all the same
    /// may be asked again. Not a cancellation point itself; never parks. Any thread. Callbacks on <see cref="CancellationToken"/> run on the caller.
    /// </summary>
    public void RequestCancel()
    {
        if (IsEnded)
            return;
        _cancelRequested = true;
        if (TryBegin())
        {
            Volatile.Write(ref _status, (byte)FiberStatus.Canceled); // it never ran
            Runtime.Ended(this).Run();
        }
        else
        {
            PostCancel();
        }

        _rarities?.Source?.Cancel(); // made after this look: whoever makes it sees the request
    }

    /// <summary>Throws if cancellation of the current fiber is pending (delivering it); for loops that compute. A cancellation point that never parks. On an ordinary thread: nothing.</summary>
    /// <exception cref="OperationCanceledException">Cancellation was requested.</exception>
    public static void ThrowIfCanceled()
    {
        if (Current is { _cancelUsed: true } self && self.TryDeliver())
            throw self.CanceledHere();
    }

    /// <summary>
    /// Cancellation of the current fiber is held back while <paramref name="body"/> runs, and delivered at the first cancellation point after it. For cleanup that
    /// must not be cut short. (Zig: uncancelable; Trio: shield.) Nests; never parks by itself. On an ordinary thread it just runs the body.
    /// </summary>
    public static void Shield(Action body)
    {
        ArgumentNullException.ThrowIfNull(body);
        Fiber? self = Current;
        self?.EnterShield();
        try
        {
            body();
        }
        finally
        {
            self?.LeaveShield();
        }
    }

    // ---- the fiber itself --------------------------------------------------------------------------------

    /// <summary>Any thread. The ordinary thread the body runs on, if it does.</summary>
    internal Thread? HostThread => _rarities?.HostThread;

    /// <summary>Any thread. That thread's parker.</summary>
    internal ThreadParker? HostParker => _rarities?.HostParker;

    internal OperationCanceledException CanceledHere() => _cancelRequested
        ? new($"{this} was cancelled.", CanceledBy)
        : new($"A deadline of {this} has passed.");

    /// <summary>The fiber itself. True for the one delivery of a pending request.</summary>
    internal unsafe bool TryDeliver()
    {
        if (!_cancelUsed)
            return false;
        if (_cancelHost is { } host)
            return host.Native->Shielded == 0 && TryDeliver(ref host.Native->CancelWord);
        if (_rarities is { Shielded: not 0 })
            return false;
        Latch.Scope scope = _cancelLatch.Enter(); // whoever posts has sent the interrupt too
        bool delivered = TryDeliver(ref _cancelWord);
        _cancelLatch.Exit(scope);
        // On an ordinary thread the request came as an interrupt too; if that is gone, a wait has delivered it already.
        return delivered && TakeInterrupt();
    }

    /// <summary>
    /// The fiber itself, before it parks other than in a wait of the runtime (in C# after it has begun to). An interrupt meant for a wait of the runtime that had just ended by itself is still
    /// on its way, and would not reach this park: it becomes a request again.
    /// </summary>
    private unsafe void CatchInterrupt()
    {
        if (_cancelHost is not { } host || (Volatile.Read(ref host.Native->CancelWord) & CancelInterrupted) == 0)
            return;
        Latch.Scope scope = _cancelLatch.Enter(); // one that is being sent is sent when we have the latch; none is sent to a park that is not the runtime's
        _cancelLatch.Exit(scope);
        Interlocked.And(ref host.Native->CancelWord, ~CancelInterrupted);
        if (TakeInterrupt())
            Interlocked.Or(ref host.Native->CancelWord, CancelPending);
    }

    /// <summary>For the shim, which calls it on a fiber that is about to park in a redirected call.</summary>
    [UnmanagedCallersOnly]
    internal static unsafe void CatchInterrupt(NativeVThread* native)
    {
        if (VirtualThread.Of(native).Running is { } self)
            self.CatchInterrupt();
        else
            Interlocked.And(ref native->CancelWord, ~CancelInterrupted); // between two bodies
    }

    /// <summary>The fiber itself. A request is pending and not held back.</summary>
    internal unsafe bool MustDeliver => _cancelHost is { } host
        ? host.Native->Shielded == 0 && (Volatile.Read(ref host.Native->CancelWord) & CancelPending) != 0
        : _rarities is not { Shielded: not 0 } && (Volatile.Read(ref _cancelWord) & CancelPending) != 0;

    internal unsafe void EnterShield()
    {
        if (_cancelHost is { } host)
            host.Native->Shielded++;
        else
            Rarely.Shielded++;
        Interlocked.MemoryBarrier(); // pairs with PostCancel: it sees the shield, or we that somebody asked
        if (!_cancelUsed)
            return;
        Latch.Scope scope = _cancelLatch.Enter(); // an interrupt that was on its way has been sent now
        _cancelLatch.Exit(scope);
        if (TakeInterrupt())
            Interlocked.Or(ref CancelWord, CancelPending); // after the shield, then
    }

    internal unsafe void LeaveShield()
    {
        if (_cancelHost is { } host)
        {
            host.Native->Shielded--;
            return;
        }

        // Full fence; pairs with Nudge: it sees the shield gone, or we its request.
        if (Interlocked.Decrement(ref Rarely.Shielded) == 0 && (Volatile.Read(ref _cancelWord) & CancelPending) != 0)
            Thread.CurrentThread.Interrupt();
    }

    // ---- requests: any thread ------------------------------------------------------------------------------

    internal void PostCancel()
    {
        _cancelUsed = true;
        Latch.Scope scope = _cancelLatch.Enter();
        if (!_cancelClosed)
            Nudge();
        _cancelLatch.Exit(scope);
    }

    /// <summary>The fiber itself, for a deadline that has fired. True: the body has met it; false: it is taken back.</summary>
    internal bool RetractDeadline()
    {
        if (_cancelRequested)
            return false; // what the body met, or will meet, is its cancellation
        uint before = Interlocked.And(ref CancelWord, ~(CancelPending | CancelDelivered | CancelInterrupted));
        bool unseen = TakeInterrupt();
        // On an ordinary thread a wait that met the interrupt could not mark it delivered.
        uint met = _cancelHost is null ? CancelPending | CancelDelivered : CancelDelivered;
        return (before & met) != 0 && !unseen;
    }

    // With the latch held: the body cannot end meanwhile.
    private unsafe void Nudge()
    {
        VirtualThread? host = _cancelHost;
        if (host is null)
        {
            Interlocked.Or(ref _cancelWord, CancelPending);
            Interlocked.MemoryBarrierProcessWide(); // for both sides: a body begins often, and is cancelled just then rarely. Pairs with BeginHost
            host = _cancelHost;
        }

        if (host is null)
        {
            if (_rarities is { HostThread: { } thread } rarely && Volatile.Read(ref rarely.Shielded) == 0)
                thread.Interrupt();
            return;
        }

        Interlocked.Or(ref host.Native->CancelWord, CancelPending); // full fence; pairs with ParkCommit and the shim
        ParkWord word = ParkWord.Read(ref host.Native->ParkWord);
        if (word.State is not (ParkState.Parking or ParkState.Parked) || host.Native->Shielded != 0)
            return;
        if (host.Native->Request.Reason == (uint)ParkReason.RuntimeWait)
            InterruptWait(host);
        else
            host.TryWake(word.Number, Wake.Canceled);
    }

    /// <summary>The carrier that parks it in a wait of the runtime, and finds a request pending.</summary>
    internal void InterruptWaitFromCommit(VirtualThread host)
    {
        Latch.Scope scope = _cancelLatch.Enter();
        if (!_cancelClosed)
            InterruptWait(host);
        _cancelLatch.Exit(scope);
    }

    private static unsafe void InterruptWait(VirtualThread host)
    {
        if (TryDeliver(ref host.Native->CancelWord, CancelInterrupted))
            host.Thread!.Interrupt();
    }

    // ---- what the body runs on --------------------------------------------------------------------------------

    /// <summary>Whoever is about to run the body. Requests that came before move over.</summary>
    internal unsafe void BeginHost(VirtualThread? host)
    {
        if (host is null)
        {
            HostOn(Thread.CurrentThread);
            return;
        }

        host.Native->CancelWord = 0;
        host.Native->Shielded = 0;
        host.Running = this;
        _cancelHost = host; // pairs with Nudge, which fences for us: it sees the host, or we its request
        if (Volatile.Read(ref _cancelWord) != 0)
            Interlocked.Or(ref host.Native->CancelWord, _cancelWord);
    }

    private void HostOn(Thread thread)
    {
        Rarities rarely = Rarely;
        rarely.HostParker = (ThreadParker)Parker.Current;
        rarely.HostParker.Running = this;
        Latch.Scope scope = _cancelLatch.Enter(); // Nudge interrupts the thread, or we ourselves: never both
        rarely.HostThread = thread;
        if ((Volatile.Read(ref _cancelWord) & CancelPending) != 0 && rarely.Shielded == 0)
            thread.Interrupt();
        _cancelLatch.Exit(scope);
    }

    /// <summary>The fiber itself, when the body has ended: requests come too late from here. True if one was delivered.</summary>
    private unsafe bool EndHost()
    {
        bool delivered = false;
        if (_cancelUsed)
        {
            Latch.Scope scope = _cancelLatch.Enter();
            _cancelClosed = true;
            _cancelLatch.Exit(scope);
            bool unseen = TakeInterrupt();
            // On an ordinary thread a wait that met the interrupt could not mark it delivered.
            uint met = _cancelHost is null ? CancelPending | CancelDelivered : CancelDelivered;
            delivered = !unseen && (CancelWord & met) != 0;
        }

        Parker? parker = (Parker?)_cancelHost ?? HostParker;
        parker!.Running = null;
        _cancelHost = null;
        if (_rarities is { } rarely)
            rarely.HostThread = null;
        return delivered;
    }

    // ---- an inline body on our stack: requests are for it now, ours wait -------------------------------------------

    private unsafe void LendHost()
    {
        if (_cancelHost is not { } host)
        {
            LendThread();
            return;
        }

        Rarities rarely = Rarely;
        Latch.Scope scope = _cancelLatch.Enter();
        _cancelHost = null;
        _cancelWord = host.Native->CancelWord;
        rarely.Lent = host;
        rarely.LentShield = host.Native->Shielded;
        _cancelLatch.Exit(scope);
    }

    private void LendThread()
    {
        Rarities rarely = Rarely;
        Latch.Scope scope = _cancelLatch.Enter();
        (rarely.LentThread, rarely.HostThread) = (rarely.HostThread, null);
        _cancelLatch.Exit(scope);
        if (_cancelUsed && TakeInterrupt())
            Interlocked.Or(ref _cancelWord, CancelPending); // it was on its way to us
    }

    private unsafe void TakeHostBack()
    {
        Rarities rarely = Rarely;
        if (rarely.LentThread is { } thread)
        {
            rarely.LentThread = null;
            HostOn(thread);
            return;
        }

        if (rarely.Lent is not { } host)
            return;
        rarely.Lent = null;
        uint waited = Interlocked.Exchange(ref _cancelWord, 0);
        BeginHost(host);
        host.Native->Shielded = rarely.LentShield;
        Interlocked.Or(ref host.Native->CancelWord, waited);
    }

    private unsafe ref uint CancelWord
    {
        get
        {
            if (_cancelHost is { } host)
                return ref host.Native->CancelWord;
            return ref _cancelWord;
        }
    }

    private static bool TryDeliver(ref uint word, uint also = 0)
    {
        uint seen = Volatile.Read(ref word);
        while ((seen & CancelPending) != 0)
        {
            uint before = Interlocked.CompareExchange(ref word, (seen & ~CancelPending) | CancelDelivered | also, seen);
            if (before == seen)
                return true;
            seen = before;
        }

        return false;
    }

    // An interrupt that no wait has met yet would meet a later one. Sleep(0) takes it without sleeping.
    private static bool TakeInterrupt()
    {
        try
        {
            Thread.Sleep(0);
            return false;
        }
        catch (ThreadInterruptedException)
        {
            return true;
        }
    }
}
