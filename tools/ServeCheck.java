import java.nio.file.Path;

/**
 * Uses {@code ws serve} as somebody does who has a keyboard only: real keys in headless Chromium, in both colour schemes.
 * Arguments: the server's address, whether it is the {@code first} server on its state or one {@code again}, and a folder for
 * screenshots (optional). Exit status 1 when something is wrong.
 */
final class ServeCheck {
    private final Browser browser;

    private ServeCheck(Browser browser) {
        this.browser = browser;
    }

    public static void main(String[] args) throws Exception {
        Path shots = args.length > 2 ? Path.of(args[2]) : null;
        try (Browser b = new Browser()) {
            ServeCheck c = new ServeCheck(b);
            if (args[1].equals("again")) c.again(args[0]);
            else c.run(args[0], shots);
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
        recorded(site, shots);
        narrow(site, shots);
        System.out.println("check-serve: keyboard only, light and dark: right");
    }

    /** A recording is chosen and a patch, by letters, and its exploration watched. */
    private void recorded(String site, Path shots) throws Exception {
        browser.open(site + "#/new");
        browser.ask("Page.reload", "");
        browser.until("the form has the focus", "document.activeElement.id === 'scenario'");
        browser.type("amx.ws");
        browser.is("a recorded client is offered", "document.getElementById('scenario').value.startsWith('amx.ws@')");
        browser.is("the form says what it is", "/^recording of .*sapphire-rapids/.test([...document.querySelectorAll('form .soft')][0].textContent)");
        browser.keys("Tab", "Tab", "Tab", "Tab");
        browser.is("patches are offered", "document.activeElement.getAttribute('aria-label') === 'leave out a patch'");
        browser.is("those of the machine's architecture", "[...document.activeElement.options].every(o => !o.value || catalogue.patches.find(p => p.id === o.value).arch !== 'arm64')");
        browser.type("clear-xs");
        browser.until("the patch is in the field", "document.getElementById('without').value === 'clear-xstate-bv-on-xfd'");
        browser.shot(shots, "new-recorded");
        browser.value("document.getElementById('bounds').value = 'events=1'");
        browser.value("seen = new Set(); new MutationObserver(() => { if (document.querySelector('progress')) seen.add('running'); }).observe(document.body, {childList: true, subtree: true})");
        browser.value("document.getElementById('without').focus()");
        browser.keys("Enter");
        browser.until("its findings are there", "document.querySelectorAll('.line').length >= 2");
        browser.is("its progress was shown as it went", "seen.has('running')");
        browser.shot(shots, "job-recorded");
        browser.is("the command that does the same is told", "/ws explore .*amx.ws@[0-9]+ --without clear-xstate-bv-on-xfd/.test(document.querySelector('code').textContent)");
        browser.is("a finding has a link to share", "[...document.querySelectorAll('.line a')].every(a => a.href.startsWith(location.origin + '/replay?schedule='))");
        browser.keys("l");
        browser.until("a recorded client's timeline opens", "location.pathname === '/replay' && typeof run === 'object' && document.querySelectorAll('#picture .switch').length > 0");
        browser.shot(shots, "replay-recorded");
    }

    private void narrow(String site, Path shots) throws Exception {
        browser.size(400, 800);
        for (String view : new String[] {"jobs", "catalogue", "patches", "machines", "new", "job/1"}) {
            browser.open(site + "#/" + view);
            browser.ask("Page.reload", "");
            browser.until("the page is there", "document.querySelector('h2')");
            browser.is(view + " does not scroll sideways in a narrow window", "document.documentElement.scrollWidth <= innerWidth");
            browser.shot(shots, "narrow-" + view.replace('/', '-'));
        }
    }

    /** What was there before the server ended is there again. */
    private void again(String site) throws Exception {
        browser.open(site + "#/jobs");
        browser.until("all explorations are there", "document.querySelectorAll('.line').length === 3");
        browser.open(site + "#/job/3");
        browser.ask("Page.reload", "");
        browser.until("and their findings", "document.querySelectorAll('.line').length >= 2");
        browser.keys("l");
        browser.until("and a link to one still shows it", "location.pathname === '/replay' && typeof run === 'object' && run.steps.some(s => s.kind === 'wrong')");
        System.out.println("check-serve: all is there after a restart");
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
        browser.is("every field has a label", "[...document.querySelectorAll('input, select, textarea')].every(i => i.labels.length === 1 || i.getAttribute('aria-label'))");
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
