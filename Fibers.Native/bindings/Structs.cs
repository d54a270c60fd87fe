using System.Runtime.InteropServices;

namespace Fibers.Native;

// Mirrors of the structs in include/fibers.h, field for field. BindingsTests compares them with the header
// and with the offsets the shim exports.

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct NativeContext
{
    public void* StackPointer;
    public void* ThreadPointer;
    public uint Occupied;
    public uint Reserved;
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct NativeRequest
{
    public uint Kind;
    public uint Reason;
    public int Descriptor;
    public uint Events;
    public uint Generation;
    public int Error;
    public long DeadlineNs;
    public ulong ParkNumber;
    public void* PollEntries;
    public uint Edges;
    public uint Reserved;
}

[StructLayout(LayoutKind.Sequential)]
internal struct NativePollEntry
{
    public int Descriptor;
    public uint Events;
    public uint Generation;
    public uint Edges;
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct NativeInbox
{
    public NativeVThread* Head;
    public uint Sleepers;
    public int EventDescriptor;
    public uint Kicked;
    public uint Dozing;
    public ulong Pushes;
    public NativeCarrier* Carriers;
    public ulong Rescued;
    public void* Rescue;
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct NativeCarrier
{
    public NativeContext Context;
    public uint SignalOwed;
    public int KernelTid;
    public NativeVThread* Mounted;
    public ulong Switches;
    public uint Phase;
    public uint Contested;
    public uint Index;
    public uint Rescuer;
    public NativeInbox* Inbox;
    public NativeCarrier* Next;
    public NativeVThread* Leaving;
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct NativeVThread
{
    public NativeContext Context;
    public uint SignalOwed;
    public int RunningTid;
    public NativeCarrier* Carrier;
    public NativeVThread* HandedBy;
    public uint Index;
    public uint Pinned;
    public ulong ParkWord;
    public NativeRequest Request;
    public uint HandlerDepth;
    public int VirtualTid;
    public uint* Cooperative;
    public NativeInbox* Inbox;
    public NativeVThread* InboxNext;
    public void* StackLow;
    public void* StackHigh;
    public uint CancelWord;
    public uint Shielded;
    public uint Uncommitted;
    public void* Argument;
}

[StructLayout(LayoutKind.Sequential)]
internal struct NativeDescriptor
{
    public uint Generation;
    public uint Interest;
    public int ClosedNext;
    public uint Queued;
    public uint Edges;
    public uint Ending;
    public uint Options;
    public uint Shared;
    public uint Lent;
    public uint Known;
    public ulong Manners;
    public ulong TimeOuts;
    public ulong Emptied;
}

[StructLayout(LayoutKind.Sequential)]
internal struct NativeStep
{
    public ulong Rip;
    public ulong Rsp;
    public ulong Rbp;
    public ulong Rbx;
    public ulong R12;
    public ulong R13;
    public ulong R14;
    public ulong R15;
    public ulong Rax;
    public ulong Rcx;
    public ulong Rdi;
    public ulong Rsi;
    public ulong FsBase;
    public ulong ParkedAt;
    public uint Mxcsr;
    public uint X87Control;
    public uint Crossing;
    public uint Inside;
    public ulong Memory;
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct NativeCrossing
{
    public NativeContext* From;
    public NativeContext* To;
    public ulong Routine;
    public ulong FromLow;
    public ulong FromWords;
    public ulong ToLow;
    public ulong ToWords;
    public ulong Instructions;
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct NativeRecording
{
    public NativeCrossing* Crossings;
    public NativeStep* Steps;
    public ulong* Memory;
    public ulong MemoryCapacity;
    public ulong MemoryCount;
    public uint CrossingCapacity;
    public uint CrossingCount;
    public uint StepCapacity;
    public uint StepCount;
    public ulong InstructionLimit;
    public uint State;
    public uint Reserved;
}
