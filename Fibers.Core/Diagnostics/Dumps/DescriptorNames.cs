using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Fibers.Diagnostics.Dumps;

/// <summary>What a file descriptor is, for people: asked of the kernel at the moment of the dump. Any thread.</summary>
internal static unsafe partial class DescriptorNames
{
    private const int AddressFamilyUnix = 1;
    private const int MaxAddress = 128;

    /// <summary>The other end of a connected socket, or null.</summary>
    public static string? Peer(int descriptor) => Ask(&GetPeerName, descriptor);

    /// <summary>The address a socket listens on, or null.</summary>
    public static string? Local(int descriptor) => Ask(&GetSockName, descriptor);

    /// <summary>What the kernel calls it: a path, "pipe:[123]", "socket:[123]". Null: it is closed.</summary>
    public static string? File(int descriptor)
    {
        try
        {
            return new FileInfo($"/proc/self/fd/{descriptor}").LinkTarget;
        }
        catch (IOException)
        {
            return null;
        }
    }

    private static string? Ask(delegate*<int, byte*, uint*, int> call, int descriptor)
    {
        byte* address = stackalloc byte[MaxAddress];
        uint size = MaxAddress;
        return call(descriptor, address, &size) == 0 ? Format(new ReadOnlySpan<byte>(address, (int)Math.Min(size, MaxAddress))) : null;
    }

    private static string? Format(ReadOnlySpan<byte> address)
    {
        if (address.Length < sizeof(ushort))
            return null;
        int port = address.Length >= 4 ? (address[2] << 8) | address[3] : 0;
        return MemoryMarshal.Read<ushort>(address) switch
        {
            2 when address.Length >= 8 => new IPEndPoint(new IPAddress(address.Slice(4, 4)), port).ToString(), // AF_INET
            10 when address.Length >= 24 => new IPEndPoint(Unmapped(new IPAddress(address.Slice(8, 16))), port).ToString(), // AF_INET6
            AddressFamilyUnix => address.Length > 2 && address[2] != 0 ? System.Text.Encoding.UTF8.GetString(address[2..].TrimEnd((byte)0)) : "a local socket",
            _ => null,
        };
    }

    private static IPAddress Unmapped(IPAddress address) => address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;

    [LibraryImport("libc", EntryPoint = "getpeername")]
    private static partial int GetPeerName(int descriptor, byte* address, uint* size);

    [LibraryImport("libc", EntryPoint = "getsockname")]
    private static partial int GetSockName(int descriptor, byte* address, uint* size);
}
