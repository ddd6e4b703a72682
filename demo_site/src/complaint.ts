/** Something a visitor gave that cannot work: one sentence with the reason and the remedy. */
export class Complaint extends Error {
  override readonly name = "Complaint";
  /** Whether it already stands where it belongs. */
  shown = false;
}
