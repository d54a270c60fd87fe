using System.Text.Json;

namespace Fibers.Tests.Demos;

/// <summary>A recording as the demo writes it: the same names, the numbers as hexadecimal text.</summary>
internal sealed record SwapRecordingFile(SwapRoutine[] Routines, SwapParty[] Parties, SwapCrossing[] Crossings)
{
    private static readonly JsonSerializerOptions s_options = new(JsonSerializerDefaults.Web);

    public static SwapRecordingFile Parse(string json) => JsonSerializer.Deserialize<SwapRecordingFile>(json, s_options)!;

    public static SwapRecordingFile Record()
    {
        string file = Path.Combine(Directory.CreateTempSubdirectory("fibers-swap-").FullName, "swap.json");
        try
        {
            DemoProcess.OutputOf("swap", "--json", file);
            return Parse(File.ReadAllText(file));
        }
        finally
        {
            Directory.Delete(Path.GetDirectoryName(file)!, recursive: true);
        }
    }
}

internal sealed record SwapRoutine(string Name, SwapLine[] Lines);

internal sealed record SwapLine(string Address, string Bytes, string Text);

internal sealed record SwapParty(string Name, bool IsCarrier, string StackLow, string StackHigh, string GuardLow);

internal sealed record SwapFrame(string Name, bool IsManaged);

internal sealed record SwapCrossing(int Routine, int From, int To, SwapFrame[] FromFrames, SwapFrame[] ToFrames, SwapStep[] Steps);

internal sealed record SwapStep(int Line, string At, int StandsOn, int ThreadPointerOf, SwapRegister[] Registers, SwapSlot ParkedAt, SwapSlot[] FromStack, SwapSlot[] ToStack)
{
    public string this[string register] => Registers.Single(candidate => candidate.Name == register).Value;
}

internal sealed record SwapRegister(string Name, string Value, bool Written);

internal sealed record SwapSlot(string Address, string Value, string Name, bool Live, bool Written);
