namespace Fibers.Parking;

/// <summary>What a fiber that has left wants its carrier to do. Mirror of <c>fibers_request_kind</c>.</summary>
internal enum RequestKind : uint
{
    None = 0,
    Yield = 1,
    Finished = 2,
    Park = 3,
    Descriptor = 4,
    Poll = 5,
}
