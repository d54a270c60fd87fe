using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Fibers.Diagnostics.Dumps;

/// <summary>A snapshot for programs: the same facts as the text, one object per fiber, nothing folded. What does not apply is left out.</summary>
internal static class JsonDump
{
    private static readonly JsonSerializerOptions s_options = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Converters = { new JsonStringEnumConverter() },
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, // for people who look at it all the same
        WriteIndented = true,
    };

    public static void Write(Stream output, RuntimeSnapshot runtime) => JsonSerializer.Serialize(output, runtime, s_options);
}
