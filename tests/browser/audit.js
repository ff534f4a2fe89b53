// Looks at one page as it stands and gives a list of complaints: structure, names, target sizes, contrast.
// Runs as a tool of the browser, also where the page itself may run no scripts.
({ contrastOnly }) => {
  const complaints = [];
  const complain = (what, element) => complaints.push(`${what}: ${describe(element)}`);
  const describe = (element) => element.outerHTML.replace(/\s+/g, " ").slice(0, 160);
  const all = (selector) => [...document.querySelectorAll(selector)];
  const words = (element) => (element.textContent || "").trim();

  const isShown = (element) => {
    if (!element.checkVisibility({ checkVisibilityCSS: true })) return false;
    const box = element.getBoundingClientRect();
    return box.width > 1 && box.height > 1 && box.bottom > 0 && box.right > 0 && !element.closest(".unseen");
  };

  // Colours, as the browser computed them: rgb(), rgba() or color(srgb …), each 0 to 1.
  const parseColour = (text) => {
    const numbers = (text.match(/-?[\d.]+(e-?\d+)?/g) || []).map(Number);
    const scale = text.startsWith("rgb") ? 255 : 1;
    if (!/^(rgb|color\(srgb )/.test(text)) complaints.push(`a colour that the audit cannot read: ${text}`);
    return { rgb: numbers.slice(0, 3).map((one) => one / scale), alpha: numbers.length > 3 ? numbers[3] : 1 };
  };
  const over = (top, below) => top.rgb.map((one, at) => one * top.alpha + below[at] * (1 - top.alpha));
  const groundOf = (element) => {
    const layers = [];
    for (let at = element; at; at = at.parentElement) {
      layers.unshift(parseColour(getComputedStyle(at).backgroundColor));
    }
    const canvas = getComputedStyle(document.documentElement).colorScheme.includes("dark") &&
      matchMedia("(prefers-color-scheme: dark)").matches ? [0.07, 0.07, 0.07] : [1, 1, 1];
    return layers.reduce((below, layer) => over(layer, below), canvas);
  };
  const brightness = (rgb) => {
    const [red, green, blue] = rgb.map((one) => (one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4));
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const ratio = (one, other) => {
    const [light, dark] = [brightness(one), brightness(other)].sort((a, b) => b - a);
    return (light + 0.05) / (dark + 0.05);
  };
  const contrast = (element, colour) => {
    const ground = groundOf(element);
    return ratio(over(parseColour(colour), ground), ground);
  };

  const lookAtContrast = () => {
    const holders = new Set();
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      if (walker.currentNode.data.trim()) holders.add(walker.currentNode.parentElement);
    }
    all("input, select, textarea").forEach((one) => holders.add(one));
    for (const element of [...holders].filter(isShown)) {
      if (element.matches("input[type=checkbox], input[type=radio]")) continue;
      const style = getComputedStyle(element);
      const size = parseFloat(style.fontSize);
      const least = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700) ? 3 : 4.5;
      const found = contrast(element, style.color);
      if (found < least) complain(`text contrast ${found.toFixed(2)} is below ${least}`, element);
    }
    for (const element of all("input, select, textarea, button.button").filter(isShown)) {
      const style = getComputedStyle(element);
      if (element.matches("[type=checkbox], [type=radio]") || style.borderTopWidth === "0px") continue;
      const outside = groundOf(element.parentElement);
      const edge = ratio(over(parseColour(style.borderTopColor), outside), outside);
      const filled = ratio(groundOf(element), outside);
      if (Math.max(edge, filled) < 3) complain(`the edge of a control has contrast ${edge.toFixed(2)}`, element);
    }
  };

  const lookAtFrame = () => {
    if (!document.documentElement.lang) complaints.push("the page names no language");
    if (!document.title.trim()) complaints.push("the page has no title");
    for (const [selector, name] of [["h1", "h1"], ["main", "main"]]) {
      const count = all(selector).length;
      if (count !== 1) complaints.push(`the page has ${count} ${name}`);
    }
    all("meta[http-equiv=refresh]").forEach((one) => complain("the page moves on by itself", one));
    all("script, [style], style, iframe, object, embed").forEach((one) => complain("nothing of this kind belongs here", one));
    for (const element of all("*")) {
      for (const { name } of element.attributes) {
        if (name.startsWith("on")) complain("a script in an attribute", element);
      }
    }
    if (!isFirstFocusable(".skip-link")) complaints.push("the first thing to reach by keyboard does not skip the frame");
  };
  const isFirstFocusable = (selector) => {
    const first = document.querySelector("a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']");
    return first !== null && first.matches(selector);
  };

  const lookAtHeadings = () => {
    let before = 0;
    for (const heading of all("h1, h2, h3, h4, h5, h6")) {
      if (heading.closest("[role=alert]")) continue;
      const level = Number(heading.tagName[1]);
      if (level > before + 1) complain(`a heading of level ${level} follows one of level ${before}`, heading);
      if (!words(heading)) complain("an empty heading", heading);
      before = level;
    }
  };

  const nameOf = (element) => {
    const labelled = (element.getAttribute("aria-labelledby") || "").split(" ").filter(Boolean);
    const labels = [...labelled.map((id) => document.getElementById(id)).filter(Boolean), ...(element.labels || [])];
    return [element.getAttribute("aria-label") || "", ...labels.map(words)].join(" ").trim();
  };
  const lookAtNames = () => {
    for (const element of all("input:not([type=hidden]), select, textarea")) {
      if (!nameOf(element)) complain("an input without a label", element);
    }
    for (const element of all("button:not([hidden]), a[href], summary")) {
      if (!words(element) && !nameOf(element)) complain("a control without a name", element);
    }
    all("img:not([alt])").forEach((one) => complain("a picture without a text", one));
    for (const element of all("svg")) {
      const isNamed = nameOf(element) || words(element.querySelector("title") || document.createElement("i"));
      if (!isNamed && !element.closest("[aria-hidden=true], [aria-label]")) complain("a drawing without a text", element);
    }
    for (const element of all("table")) {
      if (!element.querySelector("caption")) complain("a table without a caption", element);
      element.querySelectorAll("thead th:not([scope])").forEach((one) => complain("a column without a scope", one));
    }
    all("ul > :not(li), ol > :not(li)").forEach((one) => complain("a list holds something else than items", one));
  };

  const lookAtReferences = () => {
    const ids = all("[id]").map((one) => one.id);
    ids.filter((id, at) => ids.indexOf(id) !== at).forEach((id) => complaints.push(`two things have the id ${id}`));
    for (const name of ["for", "aria-labelledby", "aria-describedby"]) {
      for (const element of all(`[${name}]`)) {
        const missing = element.getAttribute(name).split(" ").filter((id) => id && !ids.includes(id));
        if (missing.length) complain(`${name} names nothing`, element);
      }
    }
    for (const link of all("a[href^='#']")) {
      if (!ids.includes(link.getAttribute("href").slice(1))) complain("a link to a place that is not there", link);
    }
    all("[tabindex]").filter((one) => one.tabIndex > 0).forEach((one) => complain("an order of its own for the keyboard", one));
  };

  // WCAG 2.5.8: 24 by 24, or room enough around, or within a sentence.
  const lookAtTargets = () => {
    const targets = all("a[href], button, input:not([type=hidden]), select, textarea, summary").filter(isShown);
    const boxes = targets.map((one) => one.getBoundingClientRect());
    const isSmall = (box) => box.width < 24 || box.height < 24;
    targets.forEach((element, at) => {
      if (!isSmall(boxes[at]) || isInSentence(element)) return;
      const x = boxes[at].left + boxes[at].width / 2;
      const y = boxes[at].top + boxes[at].height / 2;
      const isCrowded = boxes.some((box, other) => {
        if (other === at || element.contains(targets[other])) return false;
        const reach = isSmall(box) ? 24 : 12;
        const [left, right] = isSmall(box) ? [box.left + box.width / 2, box.left + box.width / 2] : [box.left, box.right];
        const [top, bottom] = isSmall(box) ? [box.top + box.height / 2, box.top + box.height / 2] : [box.top, box.bottom];
        const aside = Math.max(left - x, 0, x - right);
        const above = Math.max(top - y, 0, y - bottom);
        return Math.hypot(aside, above) < reach;
      });
      if (isCrowded) complain(`a target of ${boxes[at].width.toFixed(0)} by ${boxes[at].height.toFixed(0)} without room`, element);
    });
  };
  const isInSentence = (element) =>
    getComputedStyle(element).display === "inline" && words(element.parentElement) !== words(element);

  lookAtContrast();
  if (!contrastOnly) {
    lookAtFrame();
    lookAtHeadings();
    lookAtNames();
    lookAtReferences();
    lookAtTargets();
  }
  return complaints;
}
