package dev.worldswitch.cli.results;

import java.io.StringWriter;
import java.util.List;
import java.util.Locale;
import javax.xml.stream.XMLOutputFactory;
import javax.xml.stream.XMLStreamException;
import javax.xml.stream.XMLStreamWriter;

/** The XML that CI services read as JUnit's: one testsuite. */
final class JUnitXml {
    private JUnitXml() {}

    static String of(String suite, List<TestResult> all) {
        StringWriter text = new StringWriter();
        try {
            XMLStreamWriter x = XMLOutputFactory.newInstance().createXMLStreamWriter(text);
            x.writeStartDocument("UTF-8", "1.0");
            x.writeCharacters("\n");
            x.writeStartElement("testsuites");
            counts(x, suite, all);
            x.writeStartElement("testsuite");
            counts(x, suite, all);
            x.writeAttribute("skipped", "" + Results.count(all, TestResult.Outcome.SKIP));
            for (TestResult r : all) testcase(x, suite, r);
            x.writeEndDocument();
            x.close();
        } catch (XMLStreamException e) {
            throw new IllegalStateException(e);
        }
        return text + "\n";
    }

    private static void counts(XMLStreamWriter x, String suite, List<TestResult> all) throws XMLStreamException {
        x.writeAttribute("name", legal(suite));
        x.writeAttribute("tests", "" + all.size());
        x.writeAttribute("failures", "" + Results.count(all, TestResult.Outcome.FAIL));
        x.writeAttribute("errors", "0");
        x.writeAttribute(
                "time", seconds(all.stream().mapToDouble(TestResult::seconds).sum()));
    }

    private static void testcase(XMLStreamWriter x, String suite, TestResult r) throws XMLStreamException {
        x.writeCharacters("\n  ");
        x.writeStartElement("testcase");
        x.writeAttribute("classname", legal(suite));
        x.writeAttribute("name", legal(r.name()));
        x.writeAttribute("time", seconds(r.seconds()));
        String details = legal(String.join("\n", r.details()));
        switch (r.outcome()) {
            case FAIL -> {
                x.writeStartElement("failure");
                x.writeAttribute("type", "failure");
                x.writeAttribute("message", legal(r.reason()));
                x.writeCharacters(details);
                x.writeEndElement();
            }
            case SKIP -> {
                x.writeEmptyElement("skipped");
                x.writeAttribute("message", legal(r.reason()));
            }
            case PASS -> {
                if (!details.isEmpty()) {
                    x.writeStartElement("system-out");
                    x.writeCharacters(details);
                    x.writeEndElement();
                }
            }
        }
        x.writeEndElement();
    }

    private static String seconds(double s) {
        return String.format(Locale.ROOT, "%.3f", s);
    }

    /** XML 1.0 has no place for other control characters, not even escaped. */
    private static String legal(String s) {
        return s.replaceAll("[\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f\\ud800-\\udfff\\ufffe\\uffff]", "?");
    }
}
