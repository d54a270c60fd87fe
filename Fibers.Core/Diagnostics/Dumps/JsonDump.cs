using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Fibers.Diagnostics.Dumps;

/// <summary>A snapshot for programs: the same facts as the text, one object per fiber, nothing folded. What does not apply is left out.</summary>
internal static partial class JsonDump
{
    // For people who look at it all the same.
    private static readonly Shape s_shape = new(new JsonSerializerOptions(Shape.Default.Options) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });

    public static void Write(Stream output, RuntimeSnapshot runtime) => JsonSerializer.Serialize(output, runtime, s_shape.RuntimeSnapshot);

    // Generated: a trimmed program has no reflection to find the properties by, nor the ones that only reflection reads.
    [JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, UseStringEnumConverter = true, WriteIndented = true,
        GenerationMode = JsonSourceGenerationMode.Metadata)] // the other mode knows no Encoder
    [JsonSerializable(typeof(RuntimeSnapshot))]
    private sealed partial class Shape : JsonSerializerContext;
}
