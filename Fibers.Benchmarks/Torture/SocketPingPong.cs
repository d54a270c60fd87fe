using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace Fibers.Benchmarks.Torture;

/// <summary>Two fibers on the two ends of a loopback connection; every message carries its number.</summary>
internal sealed class SocketPingPong(World world)
{
    private const int Size = 256;
    private const int Goodbye = -1;
    private readonly TaskCompletionSource<IPEndPoint> _address = new();

    public void Serve(Diary diary)
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen(1);
        _address.SetResult((IPEndPoint)listener.LocalEndPoint!);
        diary.Now(Step.SocketReceive);
        using Socket socket = listener.Accept();
        byte[] buffer = new byte[Size];
        for (int expected = 0; ; expected++)
        {
            int number = Receive(socket, buffer, diary);
            Send(socket, buffer, number, diary);
            if (number == Goodbye)
                return;
            Verify.That(number == expected, $"message {number} came when {expected} was due");
        }
    }

    public void Call(Diary diary)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        socket.Connect(_address.Task.Result);
        byte[] buffer = new byte[Size];
        for (int number = 0; ; number++)
        {
            if (world.Stopping)
                number = Goodbye;
            Send(socket, buffer, number, diary);
            int answer = Receive(socket, buffer, diary);
            Verify.That(answer == number, $"{answer} came back for {number}");
            if (number == Goodbye)
                return;
        }
    }

    private static void Send(Socket socket, byte[] buffer, int number, Diary diary)
    {
        diary.Now(Step.SocketSend);
        for (int at = 0; at < Size; at += 4)
            BinaryPrimitives.WriteInt32LittleEndian(buffer.AsSpan(at), number);
        int sent = socket.Send(buffer);
        Verify.That(sent == Size, $"a blocking send took {sent} of {Size} bytes");
        diary.Advance();
    }

    private static int Receive(Socket socket, byte[] buffer, Diary diary)
    {
        diary.Now(Step.SocketReceive);
        for (int got = 0; got < Size;)
        {
            int count = socket.Receive(buffer, got, Size - got, SocketFlags.None);
            Verify.That(count > 0, "the other end closed before its goodbye");
            got += count;
        }

        int number = BinaryPrimitives.ReadInt32LittleEndian(buffer);
        for (int at = 4; at < Size; at += 4)
            Verify.That(BinaryPrimitives.ReadInt32LittleEndian(buffer.AsSpan(at)) == number, "a message arrived torn");
        diary.Advance();
        return number;
    }
}
