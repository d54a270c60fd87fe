using System.Runtime.InteropServices;

namespace Fibers.Native;

/// <summary>The exports of include/fibers.h, in its order. Contracts are written there.</summary>
internal static unsafe partial class Shim
{
    public const string Library = "libfibers.so";
    public const uint AbiVersion = 7;

    // start-up
    [LibraryImport(Library)] public static partial int fibers_start(byte* reason, nuint reasonSize);
    [LibraryImport(Library)] public static partial uint fibers_abi_version();
    [LibraryImport(Library)] public static partial uint fibers_features();
    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)] public static partial int fibers_redirect_choose(string? only, string except);
    [LibraryImport(Library)] public static partial int fibers_redirect_install(byte* reason, nuint reasonSize);
    [LibraryImport(Library)] public static partial int fibers_redirect_scan();
    [LibraryImport(Library)] public static partial void* fibers_redirect_lookup(byte* name);

    // wait-site calibration; no transition, so that nothing but the wait itself lies in the window
    [LibraryImport(Library), SuppressGCTransition] public static partial void fibers_calibrate_begin(uint kind);
    [LibraryImport(Library), SuppressGCTransition] public static partial int fibers_calibrate_end(int keep);
    [LibraryImport(Library), SuppressGCTransition] public static partial int fibers_calibrate_seen();
    [LibraryImport(Library)] public static partial int fibers_calibrate_result(int* waitSites, int* collectionKnown);

    // stacks
    [LibraryImport(Library)] public static partial void* fibers_stacks_create(nuint size);
    [LibraryImport(Library)] public static partial void fibers_stacks_destroy(void* stacks);

    // virtual threads
    [LibraryImport(Library)] public static partial int fibers_vthread_create(void* stacks, NativeInbox* inbox, delegate* unmanaged<NativeVThread*, void> entry, void* argument, NativeVThread** result);
    [LibraryImport(Library)] public static partial void fibers_vthread_detach(NativeVThread* self);
    [LibraryImport(Library)] public static partial int fibers_vthread_destroy(NativeVThread* vthread);
    [LibraryImport(Library)] public static partial NativeVThread* fibers_run(NativeVThread* vthread);
    [LibraryImport(Library)] public static partial void fibers_leave(NativeVThread* self, uint kind);
    [LibraryImport(Library)] public static partial int fibers_park(NativeVThread* self, NativeVThread* next);
    [LibraryImport(Library)] public static partial void fibers_leave_to(NativeVThread* self, uint kind, NativeVThread* next);
    [LibraryImport(Library), SuppressGCTransition] public static partial NativeVThread* fibers_vthread_current();
    [LibraryImport(Library)] public static partial void* fibers_vthread_current_function();
    [LibraryImport(Library)] public static partial void fibers_cancel_recall_by(delegate* unmanaged<NativeVThread*, void> recall);

    // carriers
    [LibraryImport(Library)] public static partial NativeCarrier* fibers_carrier_attach(NativeInbox* inbox);
    [LibraryImport(Library)] public static partial void fibers_carrier_detach();

    // inbox
    [LibraryImport(Library)] public static partial NativeInbox* fibers_inbox_create();
    [LibraryImport(Library)] public static partial void fibers_inbox_destroy(NativeInbox* inbox);
    [LibraryImport(Library)] public static partial void fibers_inbox_push(NativeInbox* inbox, NativeVThread* vthread);
    [LibraryImport(Library)] public static partial void fibers_inbox_kick(NativeInbox* inbox);
    [LibraryImport(Library)] public static partial void fibers_inbox_acknowledge(NativeInbox* inbox);

    // descriptors
    [LibraryImport(Library)] public static partial NativeDescriptor* fibers_descriptor_table(int* capacity);
    [LibraryImport(Library)] public static partial int* fibers_descriptor_closed();
    [LibraryImport(Library)] public static partial void fibers_descriptor_watch(NativeInbox* inbox, int on);

    // waiting and waking
    [LibraryImport(Library)] public static partial int fibers_futex_wait(uint* word, uint expected, long timeoutNs);
    [LibraryImport(Library)] public static partial int fibers_futex_wake(uint* word, int count);
    [LibraryImport(Library)] public static partial int fibers_epoll_create();
    [LibraryImport(Library)] public static partial int fibers_epoll_add(int epoll, int descriptor, uint events, ulong data);
    [LibraryImport(Library)] public static partial int fibers_epoll_wait(int epoll, void* events, int capacity, long timeoutNs);
    [LibraryImport(Library)] public static partial int fibers_close(int descriptor);
    [LibraryImport(Library), SuppressGCTransition] public static partial long fibers_now();

    // work done elsewhere
    [LibraryImport(Library)] public static partial ulong fibers_uring_count();
    [LibraryImport(Library)] public static partial ulong fibers_offload_count();
    [LibraryImport(Library)] public static partial void fibers_uring_allow(int allow);

    // rescue
    [LibraryImport(Library)] public static partial int fibers_rescue_start(NativeInbox* inbox, long stuckAfterNs);
    [LibraryImport(Library)] public static partial void fibers_doze(NativeInbox* inbox, uint who, long timeoutNs, uint* stop);
    [LibraryImport(Library)] public static partial void fibers_rouse(NativeInbox* inbox);
    [LibraryImport(Library)] public static partial void fibers_rescue_stop(NativeInbox* inbox);
    [LibraryImport(Library)] public static partial int fibers_rescue_settle(NativeCarrier* carrier);

    // tests and teaching
    [LibraryImport(Library)] public static partial void fibers_fault_set(uint point, int after, int times);
    [LibraryImport(Library)] public static partial byte* fibers_layout();
    [LibraryImport(Library)] public static partial void fibers_context_make(NativeContext* context, void* stackLow, nuint stackSize, delegate* unmanaged<void*, void> entry, void* argument);
    [LibraryImport(Library)] public static partial void fibers_context_switch(NativeContext* from, NativeContext* to);
    [LibraryImport(Library)] public static partial double fibers_context_benchmark(long rounds);
    [LibraryImport(Library)] public static partial void fibers_nop();
    [LibraryImport(Library)] public static partial void fibers_block_kernel_thread(long nanoseconds);

    // the switch in slow motion
    [LibraryImport(Library)] public static partial int fibers_step_begin(NativeRecording* recording);
    [LibraryImport(Library)] public static partial void fibers_step_end();
}
