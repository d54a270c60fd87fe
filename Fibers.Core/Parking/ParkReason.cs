namespace Fibers.Parking;

/// <summary>Why a fiber is parked, in people's terms. Mirror of <c>fibers_reason</c>; apart from <see cref="ParkState"/>, which says where it is.</summary>
internal enum ParkReason
{
    None = 0,
    Yield = 1,
    Sleep = 2,
    Join = 3,
    Read = 4,
    Write = 5,
    Accept = 6,
    Connect = 7,
    Poll = 8,
    RuntimeWait = 9,
    Channel = 10,
    Select = 11,
    Park = 12,
    Task = 13,
    File = 14,
    Name = 15,
    Process = 16,
}
