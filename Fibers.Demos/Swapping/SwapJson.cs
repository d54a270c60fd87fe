using System.Text.Json;
using System.Text.Json.Serialization;

namespace Fibers.Demos.Swapping;

/// <summary>A recording as JSON. Machine words are hexadecimal strings: JavaScript's numbers end at 2^53.</summary>
internal static class SwapJson
{
    private static readonly JsonSerializerOptions s_options = new(JsonSerializerDefaults.Web) { Converters = { new MachineWord() } };

    public static string Write(SwapRecording recording) => JsonSerializer.Serialize(recording, s_options);

    private sealed class MachineWord : JsonConverter<ulong>
    {
        public override ulong Read(ref Utf8JsonReader reader, Type type, JsonSerializerOptions options) => Convert.ToUInt64(reader.GetString(), 16);

        public override void Write(Utf8JsonWriter writer, ulong value, JsonSerializerOptions options) => writer.WriteStringValue($"0x{value:x}");
    }
}
