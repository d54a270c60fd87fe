namespace Fibers;

/// <summary>What a party that waits at a channel waits for: dumps say which end it is at.</summary>
internal sealed class ChannelEnd(object channel, string? name, bool sends)
{
    public bool Sends => sends;

    public string Name => name is null ? channel.ToString()! : $"channel \"{name}\"";

    public override string ToString() => channel.ToString()!;
}
