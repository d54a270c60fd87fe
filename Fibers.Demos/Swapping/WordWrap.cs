using System.Text;

namespace Fibers.Demos.Swapping;

/// <summary>Breaks lines that are too long for the terminal between words; what follows is indented.</summary>
internal sealed class WordWrap(TextWriter output, int width) : TextWriter
{
    private const int Hanging = 4;

    public override Encoding Encoding => output.Encoding;

    public override void Write(char value) => output.Write(value);

    public override void WriteLine() => output.WriteLine();

    public override void WriteLine(string? value)
    {
        string line = value ?? "";
        int indent = line.Length - line.TrimStart().Length + Hanging;
        while (line.Length > width && line.LastIndexOf(' ', width) is var space && space > indent)
        {
            output.WriteLine(line[..space].TrimEnd());
            line = new string(' ', indent) + line[space..].TrimStart();
        }

        output.WriteLine(line);
    }
}
