namespace Fibers.Tests.Contract;

public sealed class ThreadsBackendTests() : ConcurrentBackendContract(FiberBackend.Threads);
