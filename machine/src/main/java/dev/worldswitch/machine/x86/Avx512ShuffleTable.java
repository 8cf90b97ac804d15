package dev.worldswitch.machine.x86;

/** AVX-512 instructions that move elements about, or change their width: broadcasts, permutations, compression. */
final class Avx512ShuffleTable extends Avx512Table {
    @Override
    void fill() {
        pairs();
        broadcasts();
        parts();
        permutations();
        aligned();
        extensions();
        truncations();
        compressions();
    }

    // What each 128 bits do on their own.

    private void pair(String name, String encoding, int width, SseShuffle.Half low, SseShuffle.Half high) {
        boolean immediate = encoding.endsWith("Ib");
        String e = immediate ? encoding.substring(0, encoding.length() - 3) : encoding;
        row(name, e + " /r", immediate ? "V,W,Ib" : "V,W", i -> {
            EvexOp op = new EvexOp.General(i, width, false, false, (d, a, b, r, o) -> {
                for (int k = 0; k < o.words; k += 2) {
                    int imm = low == SseOps.PD_LOW ? o.imm >> k : o.imm;
                    r[k] = low.of(a[k], a[k + 1], b[k], b[k + 1], imm);
                    r[k + 1] = high.of(a[k], a[k + 1], b[k], b[k + 1], imm);
                }
            });
            op.undefined |= i.b && width < 32;
            return op;
        });
    }

    private void pairs() {
        pair("VPUNPCKLBW", "66.0F.WIG 60", 8, SseShuffle::punpcklbwLo, SseShuffle::punpcklbwHi);
        pair("VPUNPCKLWD", "66.0F.WIG 61", 16, SseShuffle::punpcklwdLo, SseShuffle::punpcklwdHi);
        pair("VPUNPCKLDQ", "66.0F.W0 62", 32, SseShuffle::punpckldqLo, SseShuffle::punpckldqHi);
        pair("VPUNPCKLQDQ", "66.0F.W1 6C", 64, SseShuffle::aLo, SseShuffle::bLo);
        pair("VPUNPCKHBW", "66.0F.WIG 68", 8, SseShuffle::punpckhbwLo, SseShuffle::punpckhbwHi);
        pair("VPUNPCKHWD", "66.0F.WIG 69", 16, SseShuffle::punpckhwdLo, SseShuffle::punpckhwdHi);
        pair("VPUNPCKHDQ", "66.0F.W0 6A", 32, SseShuffle::punpckhdqLo, SseShuffle::punpckhdqHi);
        pair("VPUNPCKHQDQ", "66.0F.W1 6D", 64, SseShuffle::aHi, SseShuffle::bHi);
        pair("VUNPCKLPS", "NP.0F.W0 14", 32, SseShuffle::punpckldqLo, SseShuffle::punpckldqHi);
        pair("VUNPCKHPS", "NP.0F.W0 15", 32, SseShuffle::punpckhdqLo, SseShuffle::punpckhdqHi);
        pair("VUNPCKLPD", "66.0F.W1 14", 64, SseShuffle::aLo, SseShuffle::bLo);
        pair("VUNPCKHPD", "66.0F.W1 15", 64, SseShuffle::aHi, SseShuffle::bHi);
        pair("VPACKSSWB", "66.0F.WIG 63", 8, SseShuffle::packsswbLo, SseShuffle::packsswbHi);
        pair("VPACKUSWB", "66.0F.WIG 67", 8, SseShuffle::packuswbLo, SseShuffle::packuswbHi);
        pair("VPSHUFB", "66.0F38.WIG 00", 8, SseShuffle::pshufbLo, SseShuffle::pshufbHi);
        pair("VPSHUFD", "66.0F.W0 70 Ib", 32, SseShuffle::pshufdLo, SseShuffle::pshufdHi);
        pair("VPSHUFLW", "F2.0F.WIG 70 Ib", 16, SseShuffle::pshuflwLo, SseShuffle::bHi);
        pair("VPSHUFHW", "F3.0F.WIG 70 Ib", 16, SseShuffle::bLo, SseShuffle::pshufhwHi);
        pair("VSHUFPS", "NP.0F.W0 C6 Ib", 32, SseShuffle::shufpsLo, SseShuffle::shufpsHi);
        pair("VSHUFPD", "66.0F.W1 C6 Ib", 64, SseOps.PD_LOW, SseShuffle::shufpdHi);
        pair("VPALIGNR", "66.0F3A.WIG 0F Ib", 8, SseShuffle::palignrLo, SseShuffle::palignrHi);
        pair("VMOVSHDUP", "F3.0F.W0 16", 32, SseShuffle::movshdupLo, SseShuffle::movshdupHi);
        pair("VMOVSLDUP", "F3.0F.W0 12", 32, SseShuffle::movsldupLo, SseShuffle::movsldupHi);
        // These broadcast as dwords do and write words.
        packDwords("VPACKSSDW", "66.0F.W0 6B", SseShuffle::packssdwLo, SseShuffle::packssdwHi);
        packDwords("VPACKUSDW", "66.0F38.W0 2B", SseShuffle::packusdwLo, SseShuffle::packusdwHi);
        for (boolean left : new boolean[] {false, true}) {
            SseShuffle.Half low = left ? SseShuffle::pslldqLo : SseShuffle::psrldqLo;
            SseShuffle.Half high = left ? SseShuffle::pslldqHi : SseShuffle::psrldqHi;
            row(left ? "VPSLLDQ" : "VPSRLDQ", "66.0F.WIG 73 /" + (left ? 7 : 3), "W,Ib", i -> {
                EvexOp op = new EvexOp.General(i, 8, false, true, (d, a, b, r, o) -> {
                    for (int k = 0; k < o.words; k += 2) {
                        r[k] = low.of(b[k], b[k + 1], 0, 0, o.imm);
                        r[k + 1] = high.of(b[k], b[k + 1], 0, 0, o.imm);
                    }
                });
                op.undefined |= i.b || i.aaa != 0;
                return op;
            });
        }
    }

    private void packDwords(String name, String encoding, SseShuffle.Half low, SseShuffle.Half high) {
        row(
                name,
                encoding + " /r",
                "V,W",
                i -> new EvexOp.Free(i, 32, 0, (m, o) -> {
                    long[] a = EvexOp.read(m, o.first), b = o.operand(m, false), r = new long[8];
                    for (int k = 0; k < o.words; k += 2) {
                        r[k] = low.of(a[k], a[k + 1], b[k], b[k + 1], 0);
                        r[k + 1] = high.of(a[k], a[k + 1], b[k], b[k + 1], 0);
                    }
                    o.put(m, o.reg, r, 16, o.words);
                }));
    }

    // Broadcasts.

    private void broadcasts() {
        broadcast("VPBROADCASTB", "66.0F38.W0 78", 8, 8);
        broadcast("VPBROADCASTW", "66.0F38.W0 79", 16, 16);
        broadcast("VPBROADCASTD", "66.0F38.W0 58", 32, 32);
        broadcast("VPBROADCASTQ", "66.0F38.W1 59", 64, 64);
        broadcast("VBROADCASTSS", "66.0F38.W0 18", 32, 32);
        broadcast("VBROADCASTSD", "66.0F38.W1 19", 64, 64);
        broadcast("VBROADCASTI32X2", "66.0F38.W0 59", 32, 64);
        broadcast("VBROADCASTF32X2", "66.0F38.W0 19", 32, 64);
        for (String kind : new String[] {"F", "I"}) {
            String high = kind.equals("F") ? "1" : "5";
            broadcast("VBROADCAST" + kind + "32X4", "66.0F38.W0 " + high + "A", 32, 128);
            broadcast("VBROADCAST" + kind + "64X2", "66.0F38.W1 " + high + "A", 64, 128);
            broadcast("VBROADCAST" + kind + "32X8", "66.0F38.W0 " + high + "B", 32, 256);
            broadcast("VBROADCAST" + kind + "64X4", "66.0F38.W1 " + high + "B", 64, 256);
        }
        general("VPBROADCASTB", "66.0F38.W0 7A", 8);
        general("VPBROADCASTW", "66.0F38.W0 7B", 16);
        general("VPBROADCASTD", "66.0F38.W0 7C", 32);
        general("VPBROADCASTQ", "66.0F38.W1 7C", 64);
        row(
                "VMOVDDUP",
                "F2.0F.W1 12 /r",
                "V,W",
                i -> new EvexOp.Free(i, 64, i.vl == 0 ? 8 : 0, (m, o) -> {
                    int bytes = o.words == 2 ? 8 : 8 * o.words;
                    long[] b = part(m, o, bytes), r = new long[8];
                    for (int k = 0; k < o.words; k++) r[k] = b[k & -2];
                    o.put(m, r);
                }));
    }

    /** {@code bytes} of the r/m operand, wherever the opmask is set. */
    private static long[] part(Interpreter m, EvexOp o, int bytes) {
        if (o.ea == null) return EvexOp.read(m, o.rm);
        long[] v = new long[8];
        m.load(m.linear(o.ea, bytes, false), bytes, v, 0);
        return v;
    }

    private void broadcast(String name, String encoding, int width, int bits) {
        String mem = bits > 64 ? " /r mem" : " /r";
        row(name, encoding + mem, "V,W", i -> {
            EvexOp op = new EvexOp.Free(i, width, bits / 8, (m, o) -> {
                long[] r = new long[8];
                if (o.ea == null || o.anyActive(m)) {
                    long[] b = part(m, o, bits / 8);
                    for (int e = 0; e < 64 * o.words / Math.min(bits, 64); e++)
                        Avx2Table.setLane(r, e, Math.min(bits, 64), bits < 64 ? b[0] : b[e & bits / 64 - 1]);
                }
                o.put(m, r);
            });
            // At least twice the element; 128 bits are too short for SD and F32X2.
            op.undefined |= i.b || 128 << i.vl <= bits && bits >= 128 || i.vl == 0 && i.opcode == 0x19;
            return op;
        });
    }

    private void general(String name, String encoding, int width) {
        row(name, encoding + " /r reg", "V,E", i -> {
            EvexOp op = new EvexOp.Free(i, width, 0, (m, o) -> {
                long[] r = new long[8];
                for (int e = 0; e < o.elements(); e++) Avx2Table.setLane(r, e, width, m.g[o.rm & 15]);
                o.put(m, r);
            });
            op.undefined |= i.b;
            return op;
        });
    }

    // Parts of 128 and 256 bits.

    private void parts() {
        for (String kind : new String[] {"F", "I"})
            for (int wide = 0; wide < 4; wide++) {
                int width = (wide & 1) == 0 ? 32 : 64,
                        bits = wide < 2 ? 128 : 256,
                        base = kind.equals("F") ? 0x18 : 0x38;
                String what = kind + width + "X" + bits / width, w = "66.0F3A.W" + (wide & 1) + " ";
                String in = IntegerTable.hex(base + (bits == 256 ? 2 : 0)),
                        out = IntegerTable.hex(base + (bits == 256 ? 3 : 1));
                row("VINSERT" + what, w + in + " /r", "V,W,Ib", i -> {
                    EvexOp op = new EvexOp.Free(i, width, bits / 8, (m, o) -> {
                        long[] r = EvexOp.read(m, o.first), b = part(m, o, bits / 8);
                        int n = bits / 64;
                        System.arraycopy(b, 0, r, n * (o.imm & o.words / n - 1), n);
                        o.put(m, r);
                    });
                    op.undefined |= i.b || 128 << i.vl <= bits;
                    return op;
                });
                row("VEXTRACT" + what, w + out + " /r", "W,V,Ib", i -> {
                    EvexOp op = new EvexOp.Free(i, width, bits / 8, (m, o) -> {
                        int n = bits / 64;
                        long[] r = new long[8];
                        System.arraycopy(EvexOp.read(m, o.reg), n * (o.imm & o.words / n - 1), r, 0, n);
                        if (o.ea != null) o.storeActive(m, r, width, bits / width);
                        else o.put(m, o.rm, r, width, n);
                    });
                    op.undefined |= i.b || 128 << i.vl <= bits;
                    return op;
                });
            }
        for (boolean wide : new boolean[] {false, true})
            for (String kind : new String[] {"F", "I"}) {
                int width = wide ? 64 : 32;
                String name = "VSHUF" + kind + width + "X" + 128 / width;
                String encoding = "66.0F3A.W" + (wide ? 1 : 0) + (kind.equals("F") ? " 23 /r" : " 43 /r");
                row(name, encoding, "V,W,Ib", i -> {
                    EvexOp op = new EvexOp.General(i, width, false, false, (d, a, b, r, o) -> {
                        int lanes = o.words / 2, bits = lanes == 4 ? 2 : 1;
                        for (int k = 0; k < lanes; k++) {
                            int from = o.imm >> bits * k & lanes - 1;
                            System.arraycopy(k < lanes / 2 ? a : b, 2 * from, r, 2 * k, 2);
                        }
                    });
                    op.undefined |= i.vl == 0;
                    return op;
                });
            }
    }

    // Permutations by a vector of indices.

    private void permutation(String name, String encoding, int width) {
        whole(name, encoding, "V,W", width, false, (d, a, b, r, o) -> {
            int last = o.elements() - 1;
            for (int e = 0; e <= last; e++)
                Avx2Table.setLane(r, e, width, Avx2Table.lane(b, (int) Avx2Table.lane(a, e, width) & last, width));
        });
    }

    /** Out of two vectors: the destination has the indices (I) or the first of the vectors (T). */
    private void two(String name, String encoding, int width, boolean indexInDestination) {
        whole(name, encoding, "V,W", width, false, (d, a, b, r, o) -> {
            long[] at = indexInDestination ? d : a, low = indexInDestination ? a : d;
            int n = o.elements();
            for (int e = 0; e < n; e++) {
                int from = (int) Avx2Table.lane(at, e, width) & 2 * n - 1;
                Avx2Table.setLane(r, e, width, Avx2Table.lane(from < n ? low : b, from & n - 1, width));
            }
        });
    }

    private void permutations() {
        permutation("VPERMB", "66.0F38.W0 8D", 8);
        permutation("VPERMW", "66.0F38.W1 8D", 16);
        permutation("VPERMD", "66.0F38.W0 36", 32);
        permutation("VPERMQ", "66.0F38.W1 36", 64);
        permutation("VPERMPS", "66.0F38.W0 16", 32);
        permutation("VPERMPD", "66.0F38.W1 16", 64);
        String[] names = {"B", "W", "D", "Q", "PS", "PD"};
        for (int k = 0; k < 6; k++) {
            int width = k < 4 ? 8 << k : k == 4 ? 32 : 64;
            String w = "66.0F38.W" + (k & 1) + " ";
            two("VPERMI2" + names[k], w + "7" + (5 + k / 2), width, true);
            two("VPERMT2" + names[k], w + "7" + "DEF".charAt(k / 2), width, false);
        }
        for (String op : new String[] {"00", "01"})
            whole(op.equals("00") ? "VPERMQ" : "VPERMPD", "66.0F3A.W1 " + op, "V,W,Ib", 64, false, (d, a, b, r, o) -> {
                for (int k = 0; k < o.words; k++) r[k] = b[k & 4 | o.imm >> 2 * (k & 3) & 3];
            });
        for (boolean wide : new boolean[] {false, true}) {
            int width = wide ? 64 : 32;
            String name = wide ? "VPERMILPD" : "VPERMILPS", w = wide ? "W1" : "W0";
            whole(name, "66.0F38." + w + (wide ? " 0D" : " 0C"), "V,W", width, false, (d, a, b, r, o) -> {
                for (int e = 0; e < o.elements(); e++) {
                    long c = Avx2Table.lane(b, e, width);
                    int from = wide ? e & -2 | (int) (c >>> 1) & 1 : e & -4 | (int) c & 3;
                    Avx2Table.setLane(r, e, width, Avx2Table.lane(a, from, width));
                }
            });
            whole(name, "66.0F3A." + w + (wide ? " 05" : " 04"), "V,W,Ib", width, false, (d, a, b, r, o) -> {
                for (int e = 0; e < o.elements(); e++) {
                    int from = wide ? e & -2 | o.imm >> e & 1 : e & -4 | o.imm >> 2 * (e & 3) & 3;
                    Avx2Table.setLane(r, e, width, Avx2Table.lane(b, from, width));
                }
            });
        }
    }

    private void aligned() {
        for (boolean wide : new boolean[] {false, true}) {
            int width = wide ? 64 : 32;
            String w = ".W" + (wide ? 1 : 0);
            whole(wide ? "VALIGNQ" : "VALIGND", "66.0F3A" + w + " 03", "V,W,Ib", width, false, (d, a, b, r, o) -> {
                int n = o.elements(), by = o.imm & n - 1;
                for (int e = 0; e < n; e++)
                    Avx2Table.setLane(
                            r,
                            e,
                            width,
                            e + by < n ? Avx2Table.lane(b, e + by, width) : Avx2Table.lane(a, e + by - n, width));
            });
            blend(wide ? "VPBLENDMQ" : "VPBLENDMD", "66.0F38" + w + " 64", width);
            blend(wide ? "VBLENDMPD" : "VBLENDMPS", "66.0F38" + w + " 65", width);
            blend(wide ? "VPBLENDMW" : "VPBLENDMB", "66.0F38" + w + " 66", wide ? 16 : 8);
        }
    }

    /** Active elements of the second source, the others of the first, or zero. */
    private void blend(String name, String encoding, int width) {
        row(
                name,
                encoding + " /r",
                "V,W",
                i -> new EvexOp.Free(i, width, 0, (m, o) -> {
                    long[] a = EvexOp.read(m, o.first), b = o.operand(m, true);
                    long on = o.active(m);
                    for (int e = 0; e < o.elements(); e++)
                        if ((on >>> e & 1) == 0)
                            Avx2Table.setLane(b, e, width, o.zeroes() ? 0 : Avx2Table.lane(a, e, width));
                    EvexOp.write(m, o.reg, b, o.words);
                }));
    }

    // Changes of width.

    private static final int[] FROM = {8, 8, 8, 16, 16, 32}, TO = {16, 32, 64, 32, 64, 64};
    private static final String[] WIDER = {"BW", "BD", "BQ", "WD", "WQ", "DQ"};

    private void extensions() {
        for (int k = 0; k < 6; k++)
            for (boolean signed : new boolean[] {true, false}) {
                int f = FROM[k], t = TO[k];
                String encoding = "66.0F38." + (k == 5 ? "W0 " : "WIG ") + (signed ? "2" : "3") + k + " /r";
                row((signed ? "VPMOVSX" : "VPMOVZX") + WIDER[k], encoding, "V,W", i -> {
                    int bytes = (16 << i.vl) * f / t;
                    EvexOp op = new EvexOp.Free(i, t, bytes, (m, o) -> {
                        long[] v = new long[8];
                        if (o.ea == null) v = EvexOp.read(m, o.rm);
                        else o.loadActive(m, v, o.active(m), f, o.elements());
                        long[] r = new long[8];
                        System.arraycopy(Avx2Table.extended(v, 64 * o.words, f, t, signed), 0, r, 0, o.words);
                        o.put(m, r);
                    });
                    op.undefined |= i.b;
                    return op;
                });
            }
    }

    /** VPMOVWB, VPMOVDB and so on: cut, or saturated signed (S) or unsigned (US). */
    private void truncations() {
        String[] names = {"WB", "DB", "QB", "DW", "QW", "QD"};
        String[] kinds = {"US", "S", ""};
        for (int how = 0; how < 3; how++)
            for (int k = 0; k < 6; k++) {
                int f = TO[k], t = FROM[k], kind = how;
                row("VPMOV" + kinds[how] + names[k], "F3.0F38.W0 " + (how + 1) + k + " /r", "W,V", i -> {
                    EvexOp op = new EvexOp.Free(i, f, (16 << i.vl) * t / f, (m, o) -> {
                        long[] v = EvexOp.read(m, o.reg), r = new long[8];
                        for (int e = 0; e < o.elements(); e++)
                            Avx2Table.setLane(r, e, t, cut(Avx2Table.lane(v, e, f), f, t, kind));
                        if (o.ea != null) {
                            o.storeActive(m, r, t, o.elements());
                            return;
                        }
                        int bits = 64 * o.words * t / f;
                        o.putPart(m, o.rm, r, t, bits);
                    });
                    op.undefined |= i.b || i.z && i.isMem();
                    return op;
                });
            }
    }

    private static long cut(long v, int from, int to, int kind) {
        long x = v << 64 - from >> 64 - from, most = Avx2Table.mask(to);
        return switch (kind) {
            case 0 -> Long.compareUnsigned(v, most) > 0 ? most : v;
            case 1 -> Math.clamp(x, -(most >>> 1) - 1, most >>> 1);
            default -> v;
        };
    }

    // Compression: active elements side by side.

    private void compressions() {
        compression("VPCOMPRESSB", "66.0F38.W0 63", "VPEXPANDB", "66.0F38.W0 62", 8);
        compression("VPCOMPRESSW", "66.0F38.W1 63", "VPEXPANDW", "66.0F38.W1 62", 16);
        compression("VPCOMPRESSD", "66.0F38.W0 8B", "VPEXPANDD", "66.0F38.W0 89", 32);
        compression("VPCOMPRESSQ", "66.0F38.W1 8B", "VPEXPANDQ", "66.0F38.W1 89", 64);
        compression("VCOMPRESSPS", "66.0F38.W0 8A", "VEXPANDPS", "66.0F38.W0 88", 32);
        compression("VCOMPRESSPD", "66.0F38.W1 8A", "VEXPANDPD", "66.0F38.W1 88", 64);
    }

    private void compression(String name, String encoding, String expand, String expandEncoding, int width) {
        row(name, encoding + " /r", "W,V", i -> {
            EvexOp op = new EvexOp.Free(i, width, width / 8, (m, o) -> compress(m, o, width));
            op.undefined |= i.b || i.z && i.isMem();
            return op;
        });
        row(expand, expandEncoding + " /r", "V,W", i -> {
            EvexOp op = new EvexOp.Free(i, width, width / 8, (m, o) -> expand(m, o, width));
            op.undefined |= i.b;
            return op;
        });
    }

    private static void compress(Interpreter m, EvexOp o, int width) {
        long[] v = EvexOp.read(m, o.reg), r = new long[8];
        long on = o.active(m);
        int n = 0;
        for (int e = 0; e < o.elements(); e++)
            if ((on >>> e & 1) != 0) Avx2Table.setLane(r, n++, width, Avx2Table.lane(v, e, width));
        if (o.ea != null) {
            if (n > 0) m.store(m.linear(o.ea, n * width / 8, true), n * width / 8, r, 0);
            return;
        }
        long[] old = o.zeroes() ? new long[8] : EvexOp.read(m, o.rm);
        for (int e = n; e < o.elements(); e++) Avx2Table.setLane(r, e, width, Avx2Table.lane(old, e, width));
        EvexOp.write(m, o.rm, r, o.words);
    }

    private static void expand(Interpreter m, EvexOp o, int width) {
        long on = o.active(m);
        long[] v = new long[8], r = new long[8];
        int n = 0;
        if (o.elements() < 64) on &= (1L << o.elements()) - 1;
        int bytes = Long.bitCount(on) * width / 8;
        if (o.ea == null) v = EvexOp.read(m, o.rm);
        else if (bytes > 0) m.load(m.linear(o.ea, bytes, false), bytes, v, 0);
        for (int e = 0; e < o.elements(); e++)
            if ((on >>> e & 1) != 0) Avx2Table.setLane(r, e, width, Avx2Table.lane(v, n++, width));
        o.put(m, r);
    }
}
