import java.nio.file.Path;

/**
 * Reads reports as their users do: real keys in headless Chromium, both colour schemes, a narrow window, large text, print, and
 * what a screen reader is told. Arguments: pages of a finding on x86 (two of them), a finding on arm64, an exploration that found
 * nothing, a recording; and a folder for screenshots (optional). Exit status 1 when something is wrong.
 */
final class ReportCheck {
    private static final String WRONG = "run.steps[shown[selected]].kind === 'wrong'";
    private static final String NOT_WIDER = "document.documentElement.scrollWidth <= innerWidth";
    private final Browser browser;
    private final Path shots;

    private ReportCheck(Browser browser, Path shots) {
        this.browser = browser;
        this.shots = shots;
    }

    public static void main(String[] args) throws Exception {
        try (Browser b = new Browser()) {
            ReportCheck c = new ReportCheck(b, args.length > 4 ? Path.of(args[4]) : null);
            for (String scheme : new String[] {"light", "dark"}) {
                b.colours(scheme);
                b.size(1200, 900);
                for (int i = 0; i < 4; i++) c.looks(args[i], i, scheme);
                c.keys(args[0], scheme);
            }
            c.screenReader(args[0]);
            c.many(args[0]);
        }
        System.out.println("check-report: every key, light and dark, narrow, large text, print, roles, 100,000 steps: right");
        System.exit(0);
    }

    /** Every page in every window. */
    private void looks(String page, int number, String scheme) throws Exception {
        boolean finding = number < 2, arm64 = number == 1, recording = number == 3;
        browser.open("file://" + page);
        browser.is("its colours are " + scheme, "getComputedStyle(document.body).backgroundColor === '"
                + (scheme.equals("dark") ? "rgb(20, 23, 27)" : "rgb(255, 255, 255)") + "'");
        browser.is("it loads nothing", "performance.getEntriesByType('resource').length === 0");
        browser.is("a report begins at what went wrong, or at the start", finding ? WRONG : "selected === 0");
        browser.is("there is a verdict and its bounds", "/found|clean/.test($('verdict').textContent) && /^bounds: ./.test($('bounds').textContent)");
        if (!recording) {
            browser.is("how much was explored", "/^explored: [0-9]+ states/.test($('explored').textContent)");
            browser.is("there is a coverage map", "document.querySelectorAll('.map td').length > 10");
        }
        browser.is("every context has a lane", "document.querySelectorAll('#picture .acts').length >= run.lanes.length - 1");
        if (number != 2 || scheme.equals("light"))
            browser.is("world switches are drawn", "document.querySelectorAll('#picture .switch').length > 0");
        browser.is("the moment it went wrong is marked", finding ? "document.querySelectorAll('#picture line.wrong').length === 1" : "!document.querySelector('#picture line.wrong')");
        browser.is("who owns the registers is told", "document.querySelectorAll('#picture .owned').length > 0 && /^guest of /.test([...Array(run.steps.length).keys()].map(i => stateAt('registers', i).owner).find(o => /^guest/.test(o)))");
        browser.is("the state has values from the beginning", "[...document.querySelectorAll('#state td')].every(t => t.textContent)");
        browser.keys("l");
        browser.is("steps name their sources", "run.steps.some(s => data.sources[s.function] && data.sources[s.function].startsWith('" + (arm64 ? "arch/arm64" : "arch/x86") + "'))");
        String register = arm64 ? "ZCR_EL1" : "IA32_XFD";
        browser.is("registers and what changed in them", "run.steps.some((s, i) => s.registers && '" + register + "' in s.registers && (select(i), [...document.querySelectorAll('#difference th')].some(t => t.textContent === '" + register + "')))");
        browser.keys("r");
        browser.until("r shows all registers", "document.querySelectorAll('#registers tr').length > 10");
        browser.keys("r", "h");
        String name = number + "-" + scheme;
        browser.shot(shots, name);
        if (scheme.equals("dark")) return;
        browser.size(400, 800);
        browser.is("a narrow window does not scroll sideways", NOT_WIDER);
        browser.shot(shots, name + "-narrow");
        browser.size(1200, 900);
        browser.value("document.documentElement.style.fontSize = '200%'; dispatchEvent(new Event('resize'))");
        browser.is("nor does text of twice the size", NOT_WIDER);
        browser.is("rows grow with their text", "document.querySelector('.row .what').scrollHeight <= document.querySelector('.row').clientHeight + 1 && HEIGHT >= 48");
        browser.shot(shots, name + "-large");
        browser.value("document.documentElement.style.fontSize = ''; dispatchEvent(new Event('resize'))");
        browser.media("print");
        browser.is("a print has no buttons", "getComputedStyle($('tools')).display === 'none' || getComputedStyle($('asks')).display === 'none'");
        browser.is("and all rows", "getComputedStyle($('list')).maxHeight === 'none'");
        browser.print(shots, name);
        browser.media("");
        browser.colours(scheme);
    }

    private void keys(String page, String scheme) throws Exception {
        browser.open("file://" + page);
        browser.value("few = shown.length; at = selected");
        browser.keys("k");
        browser.is("k goes back", "selected === at - 1");
        browser.is("the list has the focus, for its row to be read out", "document.activeElement === $('list')");
        browser.keys("j");
        browser.is("j goes on", "selected === at");
        browser.is("a selected row is announced", "document.getElementById($('list').getAttribute('aria-activedescendant')).getAttribute('aria-selected') === 'true'");
        browser.keys("l");
        browser.is("l shows every step, at the same place", "shown.length === run.steps.length && " + WRONG);
        browser.keys("k", "n");
        browser.is("n finds what went wrong", WRONG);
        browser.keys("h");
        browser.is("h shows fewer", "shown.length === few");
        browser.keys("Home");
        browser.is("Home", "selected === 0");
        browser.keys("End");
        browser.is("End", "selected === shown.length - 1");
        browser.keys("p");
        browser.is("p goes back to what is loud", "selected < shown.length - 1 && loud(run.steps[shown[selected]])");
        browser.keys("?");
        browser.is("? opens the help", "$('help').open");
        browser.value("at = selected");
        browser.keys("j");
        browser.is("keys wait while the help is open", "selected === at");
        browser.shot(shots, "help-" + scheme);
        browser.keys("Escape");
        browser.is("Esc closes it", "!$('help').open");
        browser.open("file://" + page);
        StringBuilder order = new StringBuilder();
        for (int i = 0; i < 7; i++) {
            browser.keys("Tab");
            browser.is("the focus is seen", "getComputedStyle(document.activeElement).outlineStyle !== 'none'");
            String answer = browser.value("document.activeElement.id || document.activeElement.textContent.replace(' ', '-')");
            order.append(answer.replaceFirst(".*\"value\":\"", "").replaceFirst("\".*", "")).append(' ');
        }
        if (!order.toString().startsWith("finding-1 finding-2 less more asks list "))
            throw new AssertionError("Tab goes through " + order);
        browser.open("file://" + page);
        browser.keys("Tab", "Tab", "Enter");
        browser.is("Enter on a button opens the second finding", "run === data.runs[1] && document.querySelectorAll('#runs button')[1].getAttribute('aria-pressed') === 'true'");
        browser.is("its event is marked", "document.querySelectorAll('#picture .event').length === 1");
        browser.keys("Home");
        browser.value("(() => { const p = $('picture').getBoundingClientRect(); $('picture').dispatchEvent(new MouseEvent('click', {clientX: p.right - 5, clientY: p.top + 20})); })()");
        browser.is("a click into the picture goes there", "selected === shown.length - 1");
    }

    private void screenReader(String page) throws Exception {
        browser.open("file://" + page);
        browser.ask("Accessibility.enable", "");
        String tree = browser.accessibility();
        for (String[] each : new String[][] {
            {"main", ""}, {"heading", "xfd on kernel"}, {"listbox", "Steps in order"}, {"option", "FIRST WRONG"},
            {"image", "first wrong at step"}, {"region", "Timeline"}, {"region", "Coverage"}, {"complementary", "The selected step"},
            {"button", "drill in"}, {"columnheader", "before"}, {"rowheader", "IA32_XFD"}, {"list", "Who acts"}
        }) {
            boolean found = false;
            for (String node : tree.split("\\{\"nodeId\":"))
                found |= node.contains("\"value\":\"" + each[0] + "\"") && node.contains(each[1]);
            if (!found) throw new AssertionError("a screen reader finds no " + each[0] + " '" + each[1] + "'");
        }
        browser.is("every button has a name", "[...document.querySelectorAll('button')].every(b => b.textContent.trim())");
        browser.is("the page has a language and one first heading", "document.documentElement.lang === 'en' && document.querySelectorAll('h1').length === 1");
    }

    private void many(String page) throws Exception {
        browser.open("file://" + page);
        browser.value("(() => { const steps = data.runs[0].steps; data.runs[0].steps = Array.from({length: 100000}, (x, i) => ({...steps[i % steps.length]})); delete data.runs[0].marks; "
                + "const begun = performance.now(); open(0); took = performance.now() - begun; })()");
        browser.keys("l", "End");
        browser.is("100,000 steps", "shown.length === 100000 && selected === 99999");
        browser.is("only rows in sight are in the page", "document.querySelectorAll('.row').length < 200");
        browser.is("the picture stays small", "document.querySelectorAll('#picture *').length < 20000");
        browser.is("it opens in ten seconds", "took < 10000");
        browser.value("(() => { each = 1e9; for (let r = 0; r < 5; r++) { const begun = performance.now(); for (let i = 0; i < 20; i++) keys.k(); each = Math.min(each, (performance.now() - begun) / 20); } })()");
        browser.is("each of 20 keys takes less than 100 ms", "each < 100");
        System.out.println("100,000 steps: opened in " + number("took") + " ms, a key in " + number("each") + " ms");
    }

    private String number(String script) throws Exception {
        return browser.value("Math.round(" + script + ")").replaceFirst(".*\"value\":(\\d+).*", "$1");
    }
}
