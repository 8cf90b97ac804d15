import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;

/**
 * Compares what a probe printed with a real kernel's transcript, line for line.
 *
 * <p>{@code java conformance/Compare.java TRANSCRIPT ANSWERS ALLOW FINDINGS OPEN [FIRST [SECTIONS]]}. Lines match by position
 * after alignment (longest common subsequence); the ordinal {@code #N} of a run's exits is that position, so it is not
 * compared as text as well. SECTIONS, a regular expression, limits the comparison to these sections.
 *
 * <p>An entry of ALLOW is {@code WHAT <TAB> QUOTE}, the quote standing word for word in FINDINGS. WHAT is {@code REGEX}: a
 * differing line, the transcript's or ours, that matches is excused; or {@code REGEX => REPLACEMENT}: that part of both
 * lines is replaced before they are compared, the rest must still be equal. An entry that excuses nothing fails.
 *
 * <p>A line of OPEN is {@code SECTION NUMBER}: so many differing lines of that section are known and still to be put right;
 * more fail. Exit status 0 when every other difference is excused.
 */
public final class Compare {
    private static final class Allowance {
        final Pattern pattern;
        final String replacement;
        int used;

        Allowance(String what) {
            String[] part = what.split(" => ", -1);
            pattern = Pattern.compile(part[0]);
            replacement = part.length > 1 ? part[1] : null;
        }
    }

    private static final List<Allowance> ALLOW = new ArrayList<>();

    public static void main(String[] args) throws Exception {
        String sections = args.length > 6 ? args[6] : ".*";
        List<String> want = lines(args[0], sections), got = lines(args[1], sections);
        readAllowances(args[2], Files.readString(Path.of(args[3])).replaceAll("\\s+", " "));
        Map<String, Integer> open = new TreeMap<>();
        for (String l : lines(args[4], null))
            if (!l.isBlank() && !l.startsWith("#")) open.put(l.split(" ")[0], Integer.parseInt(l.split(" ")[1]));
        int first = args.length > 5 ? Integer.parseInt(args[5]) : 40;
        int n = want.size(), m = got.size(), excused = 0, same = 0;
        String[] a = new String[n], b = new String[m];
        for (int i = 0; i < n; i++) a[i] = key(want.get(i));
        for (int j = 0; j < m; j++) b[j] = key(got.get(j));
        int[][] lcs = new int[n + 1][m + 1];
        for (int i = n - 1; i >= 0; i--)
            for (int j = m - 1; j >= 0; j--)
                lcs[i][j] = a[i].equals(b[j]) ? lcs[i + 1][j + 1] + 1 : Math.max(lcs[i + 1][j], lcs[i][j + 1]);
        Map<String, Integer> differ = new TreeMap<>();
        List<String> shown = new ArrayList<>();
        for (int i = 0, j = 0; i < n || j < m; ) {
            if (i < n && j < m && a[i].equals(b[j])) {
                if (plain(want.get(i)).equals(plain(got.get(j)))) same++;
                else excused += rewritten(want.get(i), got.get(j));
                i++;
                j++;
                continue;
            }
            boolean real = j >= m || i < n && lcs[i + 1][j] >= lcs[i][j + 1];
            String line = real ? want.get(i++) : got.get(j++);
            if (excuses(line)) {
                excused++;
                continue;
            }
            differ.merge(line.split(" ")[0], 1, Integer::sum);
            shown.add((real ? "- real: " : "+ ours: ") + shorten(line));
        }
        boolean failed = false;
        int total = 0, unused = 0;
        for (Map.Entry<String, Integer> d : differ.entrySet()) {
            int bound = open.getOrDefault(d.getKey(), 0);
            total += d.getValue();
            failed |= d.getValue() > bound;
            if (d.getValue() > bound)
                System.out.printf("section %s: %d lines differ, %d are known%n", d.getKey(), d.getValue(), bound);
        }
        if (failed || args.length > 5 && first > 0) shown.stream().limit(first).forEach(System.out::println);
        for (Allowance w : ALLOW)
            if (w.used == 0) {
                System.out.println("allow-list: excuses nothing: " + w.pattern);
                unused++;
            }
        System.out.printf(
                "%s: %d of %d lines equal, %d excused by %d entries, %d differences still open%s%n",
                Path.of(args[0]).getFileName(), same, n, excused, ALLOW.size(), total, total == 0 ? "" : " " + differ);
        open.forEach((s, bound) -> {
            int now = differ.getOrDefault(s, 0);
            if (now < bound) System.out.printf("section %s: the known %d can be lowered to %d%n", s, bound, now);
        });
        System.exit(failed || unused > 0 ? 1 : 0);
    }

    private static void readAllowances(String file, String findings) throws Exception {
        for (String l : lines(file, null)) {
            if (l.isBlank() || l.startsWith("#")) continue;
            String[] part = l.split("\t+");
            if (part.length != 2 || !findings.contains(part[1].strip().replaceAll("\\s+", " "))) {
                System.out.println("allow-list: no such line in FINDINGS.md: " + l);
                System.exit(2);
            }
            ALLOW.add(new Allowance(part[0]));
        }
    }

    private static String plain(String line) {
        return line.replaceFirst(" #\\d+ \\|", " |");
    }

    /** The line as it is compared: without its ordinal, with the parts replaced that an entry excuses. */
    private static String key(String line) {
        String s = plain(line);
        for (Allowance w : ALLOW) if (w.replacement != null) s = w.pattern.matcher(s).replaceAll(w.replacement);
        return s;
    }

    /** Counts the entries that made a pair equal. */
    private static int rewritten(String want, String got) {
        for (Allowance w : ALLOW) {
            if (w.replacement == null) continue;
            String x = w.pattern.matcher(plain(want)).replaceAll(w.replacement);
            String y = w.pattern.matcher(plain(got)).replaceAll(w.replacement);
            if (!x.equals(plain(want)) || !y.equals(plain(got))) w.used++;
        }
        return 1;
    }

    private static boolean excuses(String line) {
        for (Allowance w : ALLOW)
            if (w.replacement == null && w.pattern.matcher(plain(line)).find()) {
                w.used++;
                return true;
            }
        return false;
    }

    /** @param sections null for all lines of a file of ours; a file that is not there is empty */
    private static List<String> lines(String file, String sections) throws Exception {
        if (!Files.exists(Path.of(file))) return List.of();
        List<String> all = Files.readAllLines(Path.of(file));
        if (sections == null) return all;
        return all.stream().filter(l -> l.split(" ")[0].matches(sections)).toList();
    }

    private static String shorten(String l) {
        return l.length() <= 220 ? l : l.substring(0, 217) + "...";
    }
}
