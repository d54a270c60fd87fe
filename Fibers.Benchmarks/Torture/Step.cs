namespace Fibers.Benchmarks.Torture;

/// <summary>What a fiber is doing right now; the stall report shows it.</summary>
internal enum Step
{
    NotStarted,
    Computing,
    Verifying,
    FiberYield,
    FiberSleep,
    ThreadSleep,
    ThreadYield,
    TaskDelayWait,
    MonitorEnter,
    HoldingMonitor,
    LockEnter,
    HoldingLock,
    SemaphoreWait,
    Allocating,
    ThrowAcrossPark,
    NullReference,
    TightLoop,
    SocketSend,
    SocketReceive,
    MonitorWait,
    MonitorPulse,
    Spawning,
    Joining,
    Collecting,
    WaitingForFinalizers,
    Ended,
}
