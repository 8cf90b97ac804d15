import java.nio.file.Path;

/**
 * Uses {@code ws serve} as somebody does who has a keyboard only: real keys in headless Chromium, in both colour schemes.
 * Arguments: the server's address, and a folder for screenshots (optional). Exit status 1 when something is wrong.
 */
final class ServeCheck {
    private final Browser browser;

    private ServeCheck(Browser browser) {
        this.browser = browser;
    }

    public static void main(String[] args) throws Exception {
        try (Browser b = new Browser()) {
            new ServeCheck(b).run(args[0], args.length > 1 ? Path.of(args[1]) : null);
        }
        System.exit(0);
    }

    private void run(String site, Path shots) throws Exception {
        for (String scheme : new String[] {"light", "dark"}) {
            browser.colours(scheme);
            browser.open(site + "#/jobs");
            browser.ask("Page.reload", "");
            browser.until("the page is there", "document.querySelector('h2') && document.querySelector('h2').textContent === 'Explorations'");
            browser.is(scheme, "getComputedStyle(document.body).backgroundColor === '" + (scheme.equals("dark") ? "rgb(20, 23, 27)" : "rgb(255, 255, 255)") + "'");
            through(site, scheme, shots);
        }
        System.out.println("check-serve: keyboard only, light and dark: right");
    }

    private void through(String site, String scheme, Path shots) throws Exception {
        browser.keys("?");
        browser.until("? opens the help", "document.getElementById('help').open");
        browser.keys("j");
        browser.is("keys wait while the help is open", "document.getElementById('help').open");
        browser.keys("Escape");
        browser.until("Esc closes it", "!document.getElementById('help').open");
        for (String[] view : new String[][] {{"p", "Patches"}, {"m", "Machines"}, {"c", "Catalogue"}}) {
            browser.keys(view[0]);
            browser.until(view[0] + " shows " + view[1], "document.querySelector('h2').textContent === '" + view[1] + "'");
        }
        browser.shot(shots, "catalogue-" + scheme);
        browser.is("a line has the focus", "document.activeElement === lines()[0]");
        browser.keys("j", "j", "k");
        browser.is("j and k go through the lines", "document.activeElement === lines()[1]");
        browser.is("a line says what it is", "document.activeElement.getAttribute('aria-label').length > 10");
        browser.keys("l");
        browser.until("l opens a scenario's form", "location.hash.startsWith('#/new/')");
        browser.keys("n");
        browser.until("n is a new one", "location.hash === '#/new' || document.getElementById('scenario') === document.activeElement");
        browser.until("the form has the focus", "document.activeElement.id === 'scenario'");
        browser.is("every field has a label", "[...document.querySelectorAll('input, select, textarea')].every(i => i.labels.length === 1)");
        for (int i = 0; i < 60 && !browser.holds("document.getElementById('scenario').value === 'xcr0'"); i++) browser.keys("ArrowDown");
        browser.is("arrows choose a scenario", "document.getElementById('scenario').value === 'xcr0'");
        browser.keys("Tab", "Tab", "Tab");
        browser.is("Tab comes to the patches", "document.activeElement.id === 'without'");
        browser.type("kvm-fpu-check-at-entry");
        browser.shot(shots, "new-" + scheme);
        browser.keys("Enter");
        browser.until("an exploration is started", "/^#.job.[0-9]+$/.test(location.hash)");
        browser.until("it finds something", "document.querySelectorAll('.line').length === 1");
        browser.shot(shots, "job-" + scheme);
        browser.until("the finding has the focus", "document.activeElement === lines()[0]");
        browser.keys("l");
        browser.until("l opens the finding's timeline", "location.pathname === '/replay' && document.getElementById('list') !== null");
        browser.until("the report begins at what went wrong", "typeof run === 'object' && run.steps[shown[selected]].kind === 'wrong'");
        browser.keys("k");
        browser.is("keys of the report work here", "run.steps[shown[selected]].kind !== 'wrong'");
        browser.shot(shots, "replay-" + scheme);
        browser.media("print");
        browser.is("a print has all that is shown and no buttons", "getComputedStyle(document.getElementById('tools')).display === 'none'");
        browser.shot(shots, "print-" + scheme);
        browser.media("");
    }
}
