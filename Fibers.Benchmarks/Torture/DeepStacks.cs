using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Fibers.Benchmarks.Torture;

/// <summary>A fiber that recurses, parks at every depth, and on the way back checks all that its frames hold.</summary>
internal sealed class DeepStacks(World world, Diary diary, Random random)
{
    private const int MaxDepth = 48;

    [ThreadStatic]
    private static object? t_mine;

    private static readonly AsyncLocal<object?> s_mine = new();

    private readonly Torments _torments = new(world, diary, random);

    public void Run()
    {
        object token = new();
        t_mine = token;
        s_mine.Value = token;
        Thread thread = Thread.CurrentThread;
        while (!world.Stopping)
        {
            Descend<object>(random.Next(1, MaxDepth));
            Verify.That(ReferenceEquals(t_mine, token), "[ThreadStatic] shows another fiber's value");
            Verify.That(ReferenceEquals(s_mine.Value, token), "AsyncLocal shows another fiber's value");
            Verify.That(ReferenceEquals(Thread.CurrentThread, thread), "Thread.CurrentThread changed");
        }
    }

    // Each frame keeps a graph, an interior pointer, a span, a pinned array and vector registers alive across parks.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private unsafe long Descend<T>(int depth)
    {
        diary.At(depth);
        long seed = random.NextInt64();
        int length = random.Next(1, 6);
        Graph graph = Graph.Build(seed, length);
        long[] numbers = new long[random.Next(4, 32)];
        ref long inner = ref numbers[random.Next(numbers.Length)];
        inner = seed;
        Span<char> span = seed.ToString().ToCharArray().AsSpan(1);
        double real = seed / 3.0;
        Vector256<long> vector = Vector256.Create(seed) + Vector256<long>.One;
        long below;
        fixed (byte* pinned = new byte[16])
        {
            *(long*)pinned = seed;
            _torments.One();
            if (depth == 0 || world.Stopping)
                below = 0;
            else if ((depth & 1) == 0)
                below = Descend<string>(depth - 1);
            else
                below = Descend<KeyValuePair<T, object>>(0) + Descend<object>(depth - 1);
            _torments.One();
            Verify.That(*(long*)pinned == seed, "a pinned array moved or was overwritten");
        }

        diary.Now(Step.Verifying);
        Verify.That(inner == seed, "an interior pointer points elsewhere");
        Verify.That(span.SequenceEqual(seed.ToString().AsSpan(1)), "a span shows other memory");
        Verify.That(real == seed / 3.0, "a floating-point register was lost");
        Verify.That(vector == Vector256.Create(seed) + Vector256<long>.One, "a vector register was lost");
        Verify.That(below >= 0, "a frame returned garbage");
        graph.Check(seed, length);
        diary.Now(Step.Computing);
        diary.Advance();
        return below + 1;
    }
}
