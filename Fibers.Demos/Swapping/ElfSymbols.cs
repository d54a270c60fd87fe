using System.Buffers.Binary;
using System.Text;

namespace Fibers.Demos.Swapping;

/// <summary>The functions of a native library by their place in it, those it does not export included, if its symbol table was left in.</summary>
internal sealed class ElfSymbols
{
    private const uint SymbolTable = 2;
    private const int Function = 2, SymbolSize = 24;

    private readonly List<(ulong Low, ulong High, string Name)> _functions = [];

    public ElfSymbols(string file)
    {
        byte[] image = File.ReadAllBytes(file);
        int sections = (int)Word(image, 40), size = Half(image, 58), count = Half(image, 60);
        for (int i = 0; i < count; i++)
        {
            int section = sections + i * size;
            if (Small(image, section + 4) == SymbolTable)
                Read(image, (int)Word(image, section + 24), (int)Word(image, section + 32), (int)Word(image, sections + (int)Small(image, section + 40) * size + 24));
        }
    }

    public string? Find(ulong offset) => _functions.Find(function => function.Low <= offset && offset < function.High).Name;

    private void Read(byte[] image, int table, int length, int strings)
    {
        for (int symbol = table; symbol < table + length; symbol += SymbolSize)
        {
            ulong value = Word(image, symbol + 8);
            if ((image[symbol + 4] & 0xf) != Function || value == 0)
                continue;
            int name = strings + (int)Small(image, symbol);
            _functions.Add((value, value + Word(image, symbol + 16), Encoding.ASCII.GetString(image.AsSpan(name, image.AsSpan(name).IndexOf((byte)0)))));
        }
    }

    private static ulong Word(byte[] image, int at) => BinaryPrimitives.ReadUInt64LittleEndian(image.AsSpan(at));

    private static uint Small(byte[] image, int at) => BinaryPrimitives.ReadUInt32LittleEndian(image.AsSpan(at));

    private static int Half(byte[] image, int at) => BinaryPrimitives.ReadUInt16LittleEndian(image.AsSpan(at));
}
