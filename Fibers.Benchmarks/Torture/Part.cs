namespace Fibers.Benchmarks.Torture;

/// <summary>One kind of fiber in the torture. The order is the number on the board.</summary>
internal enum Part
{
    DeepStacks,
    SocketPingPong,
    WaitAndPulse,
    SpawnChurn,
    TightLoops,
    CollectingFibers,
    CollectingThread,
}
