using Fibers.Parking;
using Fibers.VirtualThreads;

namespace Fibers;

// What most fibers never need, in an object of its own that is made when first needed: what every handle has, a million have a million times (`spawn-million`).
public partial class Fiber
{
    private volatile Rarities? _rarities;

    private Rarities Rarely => _rarities ?? MakeRarities();

    private Rarities MakeRarities()
    {
        var made = new Rarities();
        return Interlocked.CompareExchange(ref _rarities, made, null) ?? made;
    }

    private sealed class Rarities
    {
        // Any thread, by exchange.
        public volatile CancellationTokenSource? Source; // of CancellationToken
        public object? Link;                    // a CancellationTokenRegistration, or s_unlinked when the fiber has ended
        public EndSignal? EndSignal;

        // Whoever ran the body, before the status says so.
        public ExceptionHolder? Failure;

        // The fiber itself.
        public CancelScope? Scope;

        // A body that runs on an ordinary thread: written by whoever runs it, HostThread under _cancelLatch.
        public volatile Thread? HostThread;
        public ThreadParker? HostParker;
        public int Shielded; // a virtual thread has its own count

        // What is lent while an inline body runs on our stack; the fiber itself.
        public VirtualThread? Lent;
        public uint LentShield;
        public Thread? LentThread;
    }
}
