namespace Fibers.Parking;

/// <summary>The packed park word: number, wake, state. Layout in fibers.h (<c>FIBERS_PARK_WORD</c>).</summary>
internal readonly struct ParkWord(ulong raw)
{
    public ulong Raw { get; } = raw;
    public ulong Number => Raw >> 8;
    public Wake Wake => (Wake)(Raw >> 4 & 0xf);
    public ParkState State => (ParkState)(Raw & 0xf);

    public static ParkWord Pack(ulong number, Wake wake, ParkState state) => new(number << 8 | (ulong)wake << 4 | (ulong)state);

    public static ParkWord Read(ref ulong word) => new(Volatile.Read(ref word)); // acquire; pairs with the winner's exchange

    /// <summary>Any thread. Full fence. True when `word` was `from` and is now `to`.</summary>
    public static bool TryChange(ref ulong word, ParkWord from, ParkWord to) =>
        Interlocked.CompareExchange(ref word, to.Raw, from.Raw) == from.Raw;

    public override string ToString() => $"#{Number} {State} {Wake}";
}
