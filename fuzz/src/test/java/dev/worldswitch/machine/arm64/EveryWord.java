package dev.worldswitch.machine.arm64;

import java.util.Locale;

/** Decodes all 2^32 A64 words: tools/fuzz --every-word. Arguments: the first and the last of 256 parts. */
public final class EveryWord {
    private EveryWord() {}

    public static void main(String[] args) {
        int from = args.length > 0 ? Integer.parseInt(args[0]) : 0,
                to = args.length > 1 ? Integer.parseInt(args[1]) : 255;
        boolean[] all = new boolean[Feature.values().length];
        java.util.Arrays.fill(all, true);
        long undefined = 0, uncovered = 0, words = 0, start = System.nanoTime();
        for (long part = from; part <= to; part++) {
            for (long w = part << 24; w < part + 1 << 24; w++) {
                A64Op op;
                try {
                    op = A64Table.decode((int) w, 0, all);
                } catch (RuntimeException e) {
                    throw new AssertionError("word " + Long.toHexString(w), e);
                }
                if (op instanceof SystemOps.Undefined) undefined++;
                else if (op instanceof SystemOps.Unimplemented) uncovered++;
                words++;
            }
            if ((part & 15) == 15)
                System.out.printf(Locale.ROOT, "%02x: %d s%n", part, (System.nanoTime() - start) / 1_000_000_000);
        }
        System.out.printf(
                Locale.ROOT,
                "%d words: %d instructions, %d undefined, %d of encodings that are not implemented; %d s%n",
                words,
                words - undefined - uncovered,
                undefined,
                uncovered,
                (System.nanoTime() - start) / 1_000_000_000);
    }
}
