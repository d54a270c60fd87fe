namespace Fibers.Tests.Contract;

/// <summary>More carriers than this machine may have processors: fibers are stolen and preempted in odd places.</summary>
public sealed class NativeFourCarriersTests() : BackendContract(FiberBackend.Native, carriers: 4)
{
    protected override bool CancelsBlockingIo => true;
}
