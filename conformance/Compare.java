import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;

/**
 * Compares what a probe printed with a real kernel's transcript, line for line.
 *
 * <p>{@code java conformance/Compare.java TRANSCRIPT ANSWERS ALLOW FINDINGS [FIRST]}: lines match by position after
 * alignment (longest common subsequence). A difference is excused by an entry of ALLOW: {@code REGEX <TAB> QUOTE}, the regex
 * matching the transcript's or our line, the quote standing word for word in FINDINGS. An entry that excuses nothing
 * fails. Exit status 0 when every difference is excused.
 */
public final class Compare {
    private record Allowance(Pattern pattern, String quote, int[] used) {}

    public static void main(String[] args) throws Exception {
        List<String> want = lines(args[0]), got = lines(args[1]);
        String findings = Files.readString(Path.of(args[3])).replaceAll("\\s+", " ");
        List<Allowance> allow = new ArrayList<>();
        for (String l : lines(args[2])) {
            if (l.isBlank() || l.startsWith("#")) continue;
            String[] part = l.split("\t+");
            if (part.length != 2 || !findings.contains(part[1].strip().replaceAll("\\s+", " "))) {
                System.out.println("allow-list: no such line in FINDINGS.md: " + l);
                System.exit(2);
            }
            allow.add(new Allowance(Pattern.compile(part[0]), part[1], new int[1]));
        }
        int first = args.length > 4 ? Integer.parseInt(args[4]) : 40;
        int n = want.size(), m = got.size(), differ = 0, excused = 0, same = 0;
        int[][] lcs = new int[n + 1][m + 1];
        for (int i = n - 1; i >= 0; i--)
            for (int j = m - 1; j >= 0; j--)
                lcs[i][j] = want.get(i).equals(got.get(j)) ? lcs[i + 1][j + 1] + 1 : Math.max(lcs[i + 1][j], lcs[i][j + 1]);
        int i = 0, j = 0;
        while (i < n || j < m) {
            if (i < n && j < m && want.get(i).equals(got.get(j))) {
                same++;
                i++;
                j++;
                continue;
            }
            boolean real = j >= m || i < n && lcs[i + 1][j] >= lcs[i][j + 1];
            String line = real ? want.get(i++) : got.get(j++);
            boolean ok = false;
            for (Allowance a : allow)
                if (a.pattern.matcher(line).find()) {
                    a.used[0]++;
                    ok = true;
                    break;
                }
            if (ok) excused++;
            else if (++differ <= first) System.out.println((real ? "- real: " : "+ ours: ") + shorten(line));
        }
        for (Allowance a : allow)
            if (a.used[0] == 0) {
                System.out.println("allow-list: excuses nothing: " + a.pattern);
                differ++;
            }
        System.out.printf(
                "%s: %d of %d lines equal, %d differ, %d excused by %d entries%n",
                Path.of(args[0]).getFileName(), same, n, differ, excused, allow.size());
        System.exit(differ == 0 ? 0 : 1);
    }

    private static List<String> lines(String file) throws Exception {
        return Files.exists(Path.of(file)) ? Files.readAllLines(Path.of(file)) : List.of();
    }

    private static String shorten(String l) {
        return l.length() <= 220 ? l : l.substring(0, 217) + "...";
    }
}
