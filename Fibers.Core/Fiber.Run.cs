using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
using Fibers.Diagnostics;
using Fibers.Parking;
using Fibers.VirtualThreads;

namespace Fibers;

// From the first instruction of the body to the last joiner woken.
public partial class Fiber
{
    private static readonly ContextCallback s_invoke = static fiber => ((Fiber)fiber!).Invoke();

    private volatile bool _starving;

    /// <summary>Any thread. A snapshot: somebody runs the body, or has.</summary>
    internal bool HasBegun => Volatile.Read(ref _begun);

    /// <summary>Any thread. True for the one caller that is to run the body.</summary>
    internal bool TryBegin() => !HasBegun && !Interlocked.Exchange(ref _begun, true);

    /// <summary>The carrier that found no virtual thread for it. From here whoever joins may run it.</summary>
    internal void BeginStarving()
    {
        _starving = true;
        Volatile.Write(ref _begun, false); // release; pairs with TryBegin
        _joiners.WakeAll();
    }

    /// <summary>On a virtual thread of its own, before its body is invoked. False: it carries no fiber.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static bool TryEnter(VirtualThread host)
    {
        if (host.Fiber is not { } fiber)
            return false;
        fiber.EnterBody(host);
        host.EnterContext(fiber._context);
        return true;
    }

    /// <summary>There, when the body is over.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static void Leave(VirtualThread host)
    {
        host.RestoreContext();
        host.Fiber!.LeaveBody(host.TakeThrown(), outer: null);
    }

    /// <summary>On the thread that carries it out, or on somebody else's stack. Runs the body; never throws.</summary>
    internal void RunBody()
    {
        Fiber? outer = Current;
        EnterBody(VirtualThread.Current);
        Exception? thrown = null;
        try
        {
            if (_context is null)
                InvokeWithoutFlow();
            else
                ExecutionContext.Run(_context, s_invoke, this);
        }
        catch (Exception exception)
        {
            thrown = exception;
        }

        LeaveBody(thrown, outer);
    }

    private void EnterBody(VirtualThread? host)
    {
        BeginHost(host);
        Volatile.Write(ref _status, (byte)FiberStatus.Running);
        if (Name is not null && !RanInline)
            Thread.CurrentThread.Name = Name; // a virtual thread loses it again in RestoreContext
        Probe.Current?.Started(this);
    }

    private void LeaveBody(Exception? thrown, Fiber? outer)
    {
        End(thrown, EndHost());
        if (outer is not null)
            Parker.Current.Running = outer;
    }

    // The spawner had suppressed the flow. What the body changes must not stay with the thread for its next fiber.
    private void InvokeWithoutFlow()
    {
        ExecutionContext? before = ExecutionContext.Capture();
        try
        {
            Invoke();
        }
        finally
        {
            if (before is not null)
                ExecutionContext.Restore(before);
        }
    }

    /// <summary>On whatever stack the caller stands. The fiber has begun.</summary>
    internal void RunInline(InlineReason reason)
    {
        RanInline = true;
        Runtime.Counters.RanInline(reason);
        Probe.Current?.RanInline(this, reason);
        Fiber? outer = Current;
        outer?.LendHost();
        RunBody();
        outer?.TakeHostBack();
        Runtime.Ended(this).Run();
    }

    // A body that threw after its cancellation was delivered unwound because of it, whatever exception a library made of that;
    // so did one that threw on its own token.
    private void End(Exception? thrown, bool delivered)
    {
        if (thrown is null)
        {
            Volatile.Write(ref _status, (byte)FiberStatus.Succeeded);
            return;
        }

        bool canceled = _cancelRequested && (delivered || thrown is OperationCanceledException or ThreadInterruptedException);
        if (canceled && thrown is not OperationCanceledException)
            thrown = new OperationCanceledException($"{this} was cancelled.", thrown, CanceledBy);
        var failure = new ExceptionHolder(this, ExceptionDispatchInfo.Capture(thrown));
        Rarely.Failure = failure;
        if (canceled)
            failure.Observe(); // asked for; nobody needs to hear of it
        Volatile.Write(ref _status, (byte)(canceled ? FiberStatus.Canceled : FiberStatus.Failed));
    }

    /// <summary>Whoever completes it, once, when nothing of it runs any more: wakes the joiners. What is returned is still to be done.</summary>
    internal JoinList.Actions Complete()
    {
        Unlink();
        _body = null; // of one that never ran
        return _joiners.Close();
    }

    /// <summary>Any thread. A snapshot: one fiber joins it, and to complete it is to wake that one and no more.</summary>
    internal bool HasSoleJoiner([NotNullWhen(true)] out VirtualThread? joiner, out ulong number)
    {
        joiner = _joiners.IsSole(out Parker? parker, out number) && !IsLinked ? parker as VirtualThread : null;
        return joiner is not null;
    }

    private ExceptionHolder? Failure => _rarities?.Failure;

    private sealed class ExceptionHolder(Fiber fiber, ExceptionDispatchInfo info)
    {
        private readonly FiberRuntime _runtime = fiber.Runtime;
        private readonly string _fiber = fiber.ToString();
        private readonly string? _parent = fiber.ParentText;

        public ExceptionDispatchInfo Info { get; } = info;

        public void Observe() => GC.SuppressFinalize(this);

        // Nobody joined: the handle is gone, and with it the last chance. As TaskScheduler.UnobservedTaskException.
        ~ExceptionHolder() => _runtime.RaiseUnobserved(_fiber, _parent, Info.SourceException);
    }
}
