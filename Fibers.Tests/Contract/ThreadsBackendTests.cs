namespace Fibers.Tests.Contract;

public sealed class ThreadsBackendTests() : BackendContract(FiberBackend.Threads, carriers: 1);
