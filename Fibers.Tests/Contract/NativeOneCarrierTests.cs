namespace Fibers.Tests.Contract;

/// <summary>One kernel thread: nothing here may depend on a second one.</summary>
public sealed class NativeOneCarrierTests() : BackendContract(FiberBackend.Native, carriers: 1)
{
    protected override bool CancelsBlockingIo => true;
}
