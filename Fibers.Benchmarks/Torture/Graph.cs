namespace Fibers.Benchmarks.Torture;

/// <summary>A linked graph whose every field follows from its seed, so that a moved, lost or overwritten object shows.</summary>
internal sealed class Graph
{
    private readonly long _value;
    private readonly string _text;
    private readonly object?[] _fan;
    private Graph? _next;

    private Graph(long value)
    {
        _value = value;
        _text = value.ToString();
        _fan = [value, _text, new long[] { value, ~value }, null];
        _fan[3] = _fan; // a cycle
    }

    public static Graph Build(long seed, int length)
    {
        var first = new Graph(seed);
        Graph last = first;
        for (int i = 1; i < length; i++)
            last = last._next = new Graph(Follow(last._value));
        return first;
    }

    public void Check(long seed, int length)
    {
        Graph? node = this;
        for (int i = 0; i < length; i++, seed = Follow(seed), node = node._next)
        {
            Verify.That(node is not null, $"a graph of {length} ends after {i}");
            Verify.That(node!._value == seed && node._text == seed.ToString(), $"node {i} of {length} holds {node._value} '{node._text}' instead of {seed}");
            Verify.That(node._fan[0] is long boxed && boxed == seed, $"node {i} of {length}: its boxed value is wrong");
            Verify.That(ReferenceEquals(node._fan[1], node._text) && ReferenceEquals(node._fan[3], node._fan), $"node {i} of {length}: its references are wrong");
            Verify.That(node._fan[2] is long[] { Length: 2 } pair && pair[0] == seed && pair[1] == ~seed, $"node {i} of {length}: its array is wrong");
        }

        Verify.That(node is null, $"a graph of {length} goes on");
    }

    private static long Follow(long value) => value * 6364136223846793005 + 1442695040888963407;
}
