using System.Runtime.ExceptionServices;
using Fibers.Parking;

namespace Fibers;

// From the first instruction of the body to the last joiner woken.
public partial class Fiber
{
    private static readonly ContextCallback s_invoke = static fiber => ((Fiber)fiber!).Invoke();

    private volatile bool _starving;

    /// <summary>Any thread. True for the one caller that is to run the body.</summary>
    internal bool TryBegin() => Volatile.Read(ref _begun) == 0 && Interlocked.CompareExchange(ref _begun, 1, 0) == 0;

    /// <summary>The carrier that found no virtual thread for it. From here whoever joins may run it.</summary>
    internal void BeginStarving()
    {
        _starving = true;
        Volatile.Write(ref _begun, 0); // release; pairs with TryBegin
        _joiners.WakeAll();
    }

    /// <summary>On the virtual thread, or on the thread that carries it out. Runs the body; never throws.</summary>
    internal void RunBody()
    {
        Fiber? outer = t_current;
        t_current = this;
        Volatile.Write(ref _status, (int)FiberStatus.Running);
        bool named = Name is not null && !RanInline;
        if (named)
            Thread.CurrentThread.Name = Name;
        try
        {
            if (_context is null)
                Invoke(); // the spawner had suppressed the flow
            else
                ExecutionContext.Run(_context, s_invoke, this);
            Volatile.Write(ref _status, (int)FiberStatus.Succeeded);
        }
        catch (Exception exception)
        {
            _failure = new ExceptionHolder(this, ExceptionDispatchInfo.Capture(exception));
            Volatile.Write(ref _status, (int)FiberStatus.Failed);
        }

        if (named)
            Thread.CurrentThread.Name = null;
        t_current = outer;
    }

    /// <summary>On whatever stack the caller stands. The fiber has begun.</summary>
    internal void RunInline()
    {
        RanInline = true;
        RunBody();
        Runtime.Ended(this);
    }

    /// <summary>Whoever ran it, once, when nothing of it runs any more: wakes the joiners.</summary>
    internal void Complete() => _joiners.Close();

    private sealed class ExceptionHolder(Fiber fiber, ExceptionDispatchInfo info)
    {
        private readonly FiberRuntime _runtime = fiber.Runtime;
        private readonly string _fiber = fiber.ToString();

        public ExceptionDispatchInfo Info { get; } = info;

        public void Observe() => GC.SuppressFinalize(this);

        // Nobody joined: the handle is gone, and with it the last chance. As TaskScheduler.UnobservedTaskException.
        ~ExceptionHolder() => _runtime.RaiseUnobserved(_fiber, Info.SourceException);
    }
}
