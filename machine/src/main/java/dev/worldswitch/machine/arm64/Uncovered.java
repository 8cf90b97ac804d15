package dev.worldswitch.machine.arm64;

/** Classes of encodings that this machine does not execute yet: they end the run by name instead of being UNDEFINED. */
final class Uncovered {
    private record Kind(String name, int mask, int value, Feature feature) {}

    private static final Kind[] KINDS = {
        new Kind("SME: ADDSVL", 0xffe0f800, 0x04205800, Feature.SME),
        new Kind("SME: ADDSPL", 0xffe0f800, 0x04605800, Feature.SME),
        new Kind("SME: RDSVL", 0xfffff800, 0x04bf5800, Feature.SME),
        new Kind("SME: REVD", 0xffffe000, 0x052e8000, Feature.SME),
        new Kind("SME: PSEL", 0xff20c210, 0x25204000, Feature.SME),
        new Kind("SME: SCLAMP, UCLAMP", 0xff20f800, 0x4400c000, Feature.SME),
        new Kind("SME", 0x9e000000, 0x80000000, Feature.SME),
        new Kind("memory tagging loads and stores", 0xff200000, 0xd9200000, Feature.MTE),
        new Kind("SETG: memory set with tags", 0xffe00c00, 0x1dc00400, Feature.MTE),
    };

    private Uncovered() {}

    static boolean isUncovered(int word, boolean[] features) {
        for (Kind k : KINDS) if ((word & k.mask) == k.value && features[k.feature.ordinal()]) return true;
        return false;
    }

    /** SME, and what it adds between the SVE encodings. */
    static boolean isSme(int word) {
        for (Kind k : KINDS) if ((word & k.mask) == k.value && k.feature == Feature.SME) return true;
        return false;
    }

    /** What the word belongs to, for the log. */
    static String name(int word) {
        for (Kind k : KINDS) if ((word & k.mask) == k.value) return k.name;
        A64Row r = A64Table.find(word);
        return r == null ? "unknown" : r.name();
    }
}
