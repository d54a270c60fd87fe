namespace Fibers.Tests.Contract;

public sealed class NativeBackendTests() : ConcurrentBackendContract(FiberBackend.Native);
